"""A goal that the loop works on, and the terms under which it does."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neonblue.errors import InvalidInputError, NotFoundError
from neonblue.models.circuit_breaker import CircuitBreaker
from neonblue.models.experiment import Aggregation, Direction, MetricDefinition, MetricKind
from neonblue.optimization.loop.rules import HealingPolicy

if TYPE_CHECKING:
    from neonblue.stores import Store

MAX_SLUG = 40
DIGEST_LETTERS = 6
UNSUITABLE = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What is to be improved, how it is measured, and what holds for each experiment.

    ``metrics`` are those of every experiment, the first one primary. ``mde`` is the least relative
    lift worth finding, a fraction. ``ideas`` are changes that somebody asks to be tried, before
    what is recommended.
    """

    goal_id: str
    text: str
    metrics: tuple[MetricDefinition, ...]
    mde: float = 0.05
    baseline_mean: float | None = None
    baseline_sd: float | None = None
    ideas: tuple[str, ...] = ()
    at_once: int = 1
    incubation_days: float = 1.0
    minimum_duration_days: float = 7.0
    roll_out_steps: tuple[float, ...] = (0.25, 0.5, 1.0)
    days_a_step: float = 1.0
    on_broken_assignment: HealingPolicy = "pause"
    breakers: tuple[CircuitBreaker, ...] = ()

    def __post_init__(self) -> None:
        if not self.metrics or self.metrics[0].role != "primary":
            raise InvalidInputError(
                f"the goal {self.text!r} has no primary metric: name an event that counts as "
                "success, or an experiment to take the metrics from"
            )
        if not 0.0 < self.mde < 1.0:
            raise InvalidInputError(
                f"mde {self.mde!r} is no lift worth finding: give a fraction, 0.05 for +5 %"
            )
        steps = self.roll_out_steps
        if not steps or list(steps) != sorted(set(steps)) or not 0 < steps[0] <= steps[-1] <= 1:
            raise InvalidInputError(
                f"roll_out_steps {steps!r} do not rise to at most 1: give them like [0.25, 0.5, 1]"
            )


def goal_id_of(text: str) -> str:
    """A readable id, the same for the same words."""
    slug = UNSUITABLE.sub("_", text.lower()).strip("_")[:MAX_SLUG].strip("_")
    digest = hashlib.sha256(" ".join(text.split()).lower().encode()).hexdigest()[:DIGEST_LETTERS]
    return f"{slug or 'goal'}_{digest}"


def goal_metrics(
    store: Store,
    *,
    like_experiment: str | None,
    event_type: str | None,
    kind: MetricKind = "proportion",
    direction: Direction = "increase",
) -> tuple[MetricDefinition, ...]:
    """The metrics of a goal: those of an experiment, or one made of an event type.

    Raises ``InvalidInputError`` when neither is given, ``NotFoundError`` for an unknown one.
    """
    if like_experiment is not None:
        metrics = store.experiments.get(like_experiment).metrics
        return tuple(sorted(metrics, key=lambda metric: metric.role != "primary"))
    if event_type is None:
        raise InvalidInputError(
            "a goal needs to be measured: give success_event, an event type that counts as "
            "success, or like_experiment, whose metrics are taken; list_experiments names some"
        )
    aggregation: Aggregation = "any" if kind == "proportion" else "sum"
    return (
        MetricDefinition(
            name=event_type,
            kind=kind,
            event_type=event_type,
            aggregation=aggregation,
            direction=direction,
        ),
    )


def save_goal(store: Store, goal: Goal) -> None:
    """Keep a goal; its newest terms count for experiments that are proposed from now on."""
    import msgspec

    content = msgspec.json.encode(goal).decode()
    if store.loop.goal(goal.goal_id) != content:
        store.loop.save_goal(goal.goal_id, content)


def read_goal(store: Store, goal_id: str) -> Goal:
    """A goal that was kept. Raises ``NotFoundError``."""
    import msgspec

    content = store.loop.goal(goal_id)
    if content is None:
        known = ", ".join(store.loop.goals()) or "none yet"
        raise NotFoundError(
            f"there is no goal {goal_id!r} (known: {known}): begin one with "
            "run_optimization_cycle and its text"
        )
    return msgspec.json.decode(content, type=Goal)
