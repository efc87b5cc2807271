"""What event types are taken for, and who says so: the setting, metrics, or a guess from words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from neonblue.behavior.event_kinds import CONSIDER, CONVERT, EXPOSURE, KINDS, OTHER, Guess, guess
from neonblue.models import Experiment, MetricDefinition

Source = Literal["setting", "metric", "guess"]
SETTING = "NEONBLUE_CONVERSION_EVENTS"
# A ratio's or a quantile's events are quantities, not goals.
GOALS = ("proportion", "mean")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What an event type is taken for (``KINDS``), who says so and why.

    ``ask`` is set where somebody who knows should be asked before it is relied on.
    """

    event_type: str
    kind: int
    source: Source
    reason: str
    ask: str = ""

    @property
    def converts(self) -> bool:
        """Whether the type counts as a conversion."""
        return self.kind == CONVERT


class EventKinds:
    """Kinds of event types. The setting decides alone; without it metrics do, and words last.

    ``setting`` names every type that converts; empty means that nobody said. ``goals`` are event
    types with the metric that is about them: it wants more of them, or fewer.
    """

    def __init__(
        self, setting: Sequence[str] = (), goals: Mapping[str, tuple[str, bool]] | None = None
    ) -> None:
        self.setting = tuple(sorted(set(setting)))
        self._goals = dict(goals or {})
        self._kinds: dict[str, int] = {}

    def of(self, event_type: str) -> int:
        """The number of a type's kind."""
        kind = self._kinds.get(event_type)
        if kind is None:
            kind = self._kinds[event_type] = self.reading(event_type).kind
        return kind

    def reading(self, event_type: str) -> Reading:
        """A type's kind with its reason."""
        guessed = guess(event_type)
        if guessed.kind == EXPOSURE:
            return _reading(event_type, EXPOSURE, "guess", "it is what we did, not the user")
        if self.setting:
            return self._by_setting(event_type, guessed)
        if event_type in self._goals:
            return self._by_metric(event_type, guessed)
        ask = ""
        if guessed.kind == CONVERT or guessed.against:
            ask = f"it is a guess: if it is wrong, name all conversions in {SETTING}"
        return _reading(event_type, guessed.kind, "guess", _told(guessed), ask)

    def conversions(self, event_types: Iterable[str]) -> tuple[Reading, ...]:
        """Those of the types that convert."""
        readings = (self.reading(one) for one in event_types)
        return tuple(one for one in readings if one.converts)

    def _by_setting(self, event_type: str, guessed: Guess) -> Reading:
        if event_type in self.setting:
            return _reading(event_type, CONVERT, "setting", f"{SETTING} names it")
        if guessed.kind == CONVERT:
            return _reading(event_type, CONSIDER, "setting", f"{SETTING} does not name it")
        return _reading(event_type, guessed.kind, "guess", _told(guessed))

    def _by_metric(self, event_type: str, guessed: Guess) -> Reading:
        metric, wanted = self._goals[event_type]
        if wanted:
            ask = ""
            if guessed.kind != CONVERT:
                ask = (
                    f"its words say {KINDS[guessed.kind]}: if it is only a step on the way, name "
                    f"all conversions in {SETTING}"
                )
            return _reading(event_type, CONVERT, "metric", f"{metric} counts it", ask)
        kind = OTHER if guessed.kind == CONVERT else guessed.kind
        return _reading(event_type, kind, "metric", f"{metric} wants fewer of it")


# Where nobody said anything: words alone.
BY_WORDS = EventKinds()
FindKinds = Callable[[], EventKinds]


def known_kinds(experiments: Iterable[Experiment], setting: Sequence[str] = ()) -> EventKinds:
    """Kinds by the setting, then by the primary metrics of experiments, then by words."""
    goals: dict[str, tuple[str, bool]] = {}
    for experiment in sorted(experiments, key=lambda one: one.experiment_id):
        for metric in experiment.metrics:
            if not _is_goal(metric):
                continue
            wanted = metric.direction == "increase"
            told = f"primary metric {metric.name!r} of experiment {experiment.experiment_id!r}"
            if metric.event_type not in goals or (wanted and not goals[metric.event_type][1]):
                goals[metric.event_type] = (told, wanted)
    return EventKinds(setting, goals)


def _is_goal(metric: MetricDefinition) -> bool:
    return metric.role == "primary" and metric.kind in GOALS


def _reading(event_type: str, kind: int, source: Source, reason: str, ask: str = "") -> Reading:
    return Reading(event_type=event_type, kind=kind, source=source, reason=reason, ask=ask)


def _told(guessed: Guess) -> str:
    if guessed.against:
        return (
            f"its word {guessed.word!r} is a conversion's, but {guessed.against!r} speaks against"
        )
    return f"its word {guessed.word!r}" if guessed.word else "no word of it is known"
