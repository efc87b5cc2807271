"""Where users drop out on the way through steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from neonblue.behavior.proportion import Share, share
from neonblue.errors import InvalidInputError
from neonblue.stores.funnels import FunnelCounts, Funnels, FunnelScope

MIN_STEPS, MAX_STEPS = 2, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelStep:
    """Users who reached a step, as shares of those at the step before and at the first."""

    event_type: str
    users: int
    of_previous: Share
    of_first: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """The steps of one slice and the step after which most users are lost ('' if none is)."""

    slice: str
    users: int
    steps: tuple[FunnelStep, ...]
    largest_drop_before: str


def check(steps: Sequence[str], scope: FunnelScope) -> None:
    """Refuse what cannot be a funnel.

    Raises:
        InvalidInputError: not 2 to 12 different steps, a window that is not positive, or a time
            that ends before it begins.
    """
    if not MIN_STEPS <= len(steps) <= MAX_STEPS or len(set(steps)) != len(steps):
        raise InvalidInputError(
            f"a funnel needs {MIN_STEPS} to {MAX_STEPS} different event types, "
            f"not {list(steps)!r}: get_user_journey shows which ones there are"
        )
    if scope.window_seconds <= 0:
        raise InvalidInputError(f"the window must be positive, not {scope.window_seconds!r} s")
    if scope.since and scope.until and scope.since >= scope.until:
        raise InvalidInputError(
            f"since {scope.since.isoformat()} is not before until {scope.until.isoformat()}: "
            "swap them, or leave one out"
        )
    if scope.by == "variant" and not scope.experiment_id:
        raise InvalidInputError(
            "a breakdown by variant needs an experiment_id: list_experiments shows them"
        )


def analyze(funnels: Funnels, steps: Sequence[str], scope: FunnelScope) -> tuple[Funnel, ...]:
    """One funnel a slice, the largest first; empty when no user took the first step.

    Raises what ``check`` raises.
    """
    check(steps, scope)
    found = [_funnel(steps, counts) for counts in funnels.count(steps, scope)]
    return tuple(sorted(found, key=lambda funnel: -funnel.users))


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDifference:
    """A step's share of the first step in one variant less that in control, with 95 % limits."""

    variant: str
    event_type: str
    difference: float
    ci_lower: float
    ci_upper: float


def differences(funnels: Sequence[Funnel], control: str) -> tuple[StepDifference, ...]:
    """Each step after the first of each variant against control; none without control's funnel.

    Newcombe (1998), Statistics in Medicine 17:873-890, method 10: the limits of both shares by
    Wilson, squared and added.
    """
    base = next((one for one in funnels if one.slice == control), None)
    if base is None:
        return ()
    return tuple(
        _difference(one.slice, base.steps[place], step)
        for one in funnels
        if one.slice != control
        for place, step in enumerate(one.steps)
        if place > 0
    )


def _difference(variant: str, control: FunnelStep, treatment: FunnelStep) -> StepDifference:
    a, b = control.of_first, treatment.of_first
    gap = b.value - a.value
    down = math.hypot(b.value - b.ci_lower, a.ci_upper - a.value)
    up = math.hypot(b.ci_upper - b.value, a.value - a.ci_lower)
    return StepDifference(
        variant=variant,
        event_type=treatment.event_type,
        difference=gap,
        ci_lower=gap - down,
        ci_upper=gap + up,
    )


def _funnel(steps: Sequence[str], counts: FunnelCounts) -> Funnel:
    reached = [sum(counts.stopped_at[index:]) for index in range(len(steps))]
    rows = tuple(
        FunnelStep(
            event_type=step,
            users=reached[index],
            of_previous=share(reached[index], reached[max(index - 1, 0)]),
            of_first=share(reached[index], reached[0]),
        )
        for index, step in enumerate(steps)
    )
    lost = [reached[index] - reached[index + 1] for index in range(len(steps) - 1)]
    worst = max(range(len(lost)), key=lost.__getitem__)
    return Funnel(
        slice=counts.slice,
        users=reached[0],
        steps=rows,
        largest_drop_before=steps[worst + 1] if lost[worst] else "",
    )
