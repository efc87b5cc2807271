"""Which metrics a goal in words is about, from what the organisation has measured so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from neonblue.behavior.event_kinds import CONVERT, EXPOSURE, kind_of, words_of
from neonblue.errors import InvalidInputError
from neonblue.models import Experiment, MetricDefinition
from neonblue.models.lifecycle import FINISHED_STATUSES

if TYPE_CHECKING:
    from neonblue.stores import Store

MAX_GUARDRAILS = 3
MAX_NAMED = 6
DEFAULT_MARGIN = 0.05
# What goals are called that are about conversions, whatever their event is named.
CONVERSION_WORDS = frozenset(
    {"conversion", "convert", "sale", "sell", "buy", "order", "purchase", "checkout", "signup"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownMetric:
    """A metric that was measured, or an event type that could be; ``like`` is the finished
    experiment that had it last, '' where none had."""

    definition: MetricDefinition
    like: str = ""
    users: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalMetrics:
    """The metrics of a plan, primary first, with why that one was chosen."""

    primary: KnownMetric
    guardrails: tuple[MetricDefinition, ...]
    reason: str


def metrics_for(store: Store, goal: str, *, named: str | None = None) -> GoalMetrics:
    """The primary metric that a goal is about, or the ``named`` one, and guardrails.

    Raises ``InvalidInputError`` that lists what there is when nothing fits.
    """
    known = known_metrics(store)
    primary, reason = _named(known, named) if named else _chosen(known, goal)
    definition = replace(primary.definition, role="primary", margin=None)
    return GoalMetrics(
        primary=replace(primary, definition=definition),
        guardrails=_guardrails(known, primary),
        reason=reason,
    )


def known_metrics(store: Store) -> Mapping[str, KnownMetric]:
    """Metrics of experiments by name, the newest definition of each, then other event types."""
    counts = store.traffic.event_counts()
    users = {count.event_type: count.users for count in counts}
    found: dict[str, KnownMetric] = {}
    for experiment in _oldest_first(store):
        finished = experiment.status in FINISHED_STATUSES and experiment.source == "events"
        for metric in experiment.metrics:
            if metric.kind == "quantile":
                continue
            before = found.get(metric.name)
            like = experiment.experiment_id if finished else (before.like if before else "")
            known = KnownMetric(definition=metric, like=like, users=users.get(metric.event_type, 0))
            found[metric.name] = known
    measured = {known.definition.event_type for known in found.values()}
    for event_type in users:
        if event_type in measured or event_type in found or kind_of(event_type) == EXPOSURE:
            continue
        definition = MetricDefinition(name=event_type, kind="proportion", event_type=event_type)
        found[event_type] = KnownMetric(definition=definition, users=users[event_type])
    return found


def _oldest_first(store: Store) -> list[Experiment]:
    defined = store.experiments.defined().values()
    return sorted(defined, key=lambda each: each.created_at.timestamp() if each.created_at else 0.0)


def _named(known: Mapping[str, KnownMetric], name: str) -> tuple[KnownMetric, str]:
    by_event = {each.definition.event_type: each for each in known.values()}
    found = known.get(name) or by_event.get(name)
    if found is None:
        raise InvalidInputError(f"metric {name!r} is not known: {_there_are(known)}")
    return found, f"{name!r} was named"


def _chosen(known: Mapping[str, KnownMetric], goal: str) -> tuple[KnownMetric, str]:
    """The metric whose words the goal has, the most of them; a conversion where it speaks of one,
    or of nothing that is known."""
    said = words_of(goal)
    scored = [(_score(each, said), each.users, name) for name, each in known.items()]
    best = max(scored, default=(0.0, 0, ""))
    if best[0] > 0:
        return known[best[2]], f"{best[2]!r} is what the goal speaks of"
    conversions = [(e.users, n) for n, e in known.items() if _converts(e) and e.users > 0]
    if conversions:
        name = max(conversions)[1]
        return known[name], f"the goal names no known metric, and {name!r} is the main conversion"
    raise InvalidInputError(f"no metric that is known fits the goal: {_there_are(known)}")


def _score(known: KnownMetric, said: frozenset[str]) -> float:
    definition = known.definition
    own = words_of(definition.name) | words_of(definition.event_type)
    about = words_of(definition.description)
    meant = 0.5 if said & CONVERSION_WORDS and _converts(known) else 0.0
    guarding = 0.25 if definition.role == "guardrail" else 0.0
    score = len(own & said) + 0.5 * len((about - own) & said) + meant
    return score - guarding if score > 0 else 0.0


def _converts(known: KnownMetric) -> bool:
    return kind_of(known.definition.event_type) == CONVERT


def _guardrails(
    known: Mapping[str, KnownMetric], primary: KnownMetric
) -> tuple[MetricDefinition, ...]:
    """What was guarded before, else a mean that was measured: neither may get worse."""
    others = [each for each in known.values() if each.definition.name != primary.definition.name]
    guarded = [each for each in others if each.definition.role == "guardrail"]
    means = [each for each in others if each.definition.kind == "mean" and each.like]
    chosen = guarded[-MAX_GUARDRAILS:] or means[-1:]
    return tuple(
        replace(
            each.definition,
            role="guardrail",
            margin=each.definition.margin or DEFAULT_MARGIN,
        )
        for each in chosen
    )


def _there_are(known: Mapping[str, KnownMetric]) -> str:
    names = sorted(known, key=lambda name: -known[name].users)[:MAX_NAMED]
    listed = ", ".join(map(repr, names)) or "none: load events first"
    return f"give metric, one of {listed}"
