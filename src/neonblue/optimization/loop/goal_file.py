"""A goal that a person writes in TOML: what is to be improved, and the terms of the loop."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from neonblue.errors import InvalidInputError
from neonblue.models.circuit_breaker import CircuitBreaker
from neonblue.models.experiment import Direction, MetricDefinition, MetricKind
from neonblue.optimization.loop.goal import Goal, goal_id_of, goal_metrics
from neonblue.optimization.loop.rules import HealingPolicy

if TYPE_CHECKING:
    from neonblue.stores import Store

ERROR_UNITS = 200
"""Units of a variant before its share of errors is looked at."""
NOT_TERMS = frozenset(
    {
        *("goal", "success_event", "like_experiment", "kind", "direction"),
        *("error_event", "error_limit"),
    }
)
LOOP_TERMS = ("incubation_days", "roll_out_steps", "days_a_step", "on_broken_assignment")
Days = Annotated[float, Field(ge=0, le=365)]


class GoalFile(BaseModel):
    """The whole file; a key that is not known is an error. ``mde`` is a fraction.

    A variant in which more than ``error_limit`` of the units have an ``error_event`` is stopped.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    goal: Annotated[str, Field(min_length=1, max_length=500)]
    success_event: str | None = None
    like_experiment: str | None = None
    kind: MetricKind = "proportion"
    direction: Direction = "increase"
    baseline_mean: Annotated[float, Field(gt=0)] | None = None
    baseline_sd: Annotated[float, Field(gt=0)] | None = None
    mde: Annotated[float, Field(gt=0, lt=1)] = 0.05
    ideas: Annotated[tuple[str, ...], Field(max_length=50)] = ()
    at_once: Annotated[int, Field(ge=1, le=20)] = 1
    incubation_days: Days = 1.0
    minimum_duration_days: Days = 7.0
    roll_out_steps: tuple[float, ...] = (0.25, 0.5, 1.0)
    days_a_step: Days = 1.0
    on_broken_assignment: HealingPolicy = "pause"
    error_event: str | None = None
    error_limit: Annotated[float, Field(gt=0, lt=1)] = 0.05


def read_goal_file(store: Store, text: str, name: str = "the goal") -> Goal:
    """The goal in a TOML text.

    Raises ``InvalidInputError`` with every fault in one message, ``NotFoundError`` for an unknown
    ``like_experiment``.
    """
    found = _read(text, name)
    terms = found.model_dump(exclude=set(NOT_TERMS))
    metrics = goal_metrics(
        store,
        like_experiment=found.like_experiment,
        event_type=found.success_event,
        kind=found.kind,
        direction=found.direction,
    )
    return Goal(
        goal_id=goal_id_of(found.goal),
        text=found.goal,
        metrics=(*metrics, *_error_metrics(found)),
        breakers=_error_breakers(found),
        **terms,
    )


def read_terms(text: str, name: str = "the goal") -> dict[str, Any]:
    """What a goal file says of the loop's own terms (``rules.LoopTerms``).

    Raises ``InvalidInputError`` with every fault in one message.
    """
    return _read(text, name).model_dump(include=set(LOOP_TERMS))


def _read(text: str, name: str) -> GoalFile:
    try:
        return GoalFile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(f"{name} is no TOML ({error}): see docs/programmes.md") from error
    except ValidationError as error:
        faults = "; ".join(_fault(detail) for detail in error.errors())
        raise InvalidInputError(f"{name} cannot be used: {faults}") from error


def _error_metrics(found: GoalFile) -> tuple[MetricDefinition, ...]:
    """Secondary: a guardrail would need such events before the first experiment may start."""
    if found.error_event is None:
        return ()
    return (
        MetricDefinition(
            name=found.error_event,
            kind="proportion",
            event_type=found.error_event,
            direction="decrease",
            role="secondary",
        ),
    )


def _error_breakers(found: GoalFile) -> tuple[CircuitBreaker, ...]:
    if found.error_event is None:
        return ()
    return (
        CircuitBreaker(
            metric=found.error_event,
            limit=found.error_limit,
            side="above",
            minimum_units=ERROR_UNITS,
        ),
    )


def _fault(detail: Any) -> str:
    where = ".".join(str(part) for part in detail["loc"])
    return f"{where}: {detail['msg']}" if where else str(detail["msg"])
