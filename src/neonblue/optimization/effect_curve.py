"""The inverse of a sample size: which effects some days of traffic can find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neonblue.errors import InvalidInputError
from neonblue.stats.planning import (
    Baseline,
    detectable_lift,
    watched_detectable_lift,
)

if TYPE_CHECKING:
    from neonblue.optimization.design import ExperimentDesign

CURVE_DAYS = (7, 14, 28, 56, 90)


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectableEffect:
    """The least relative lift (a fraction) that so many days find; None where none is found."""

    days: int
    units: int
    lift_watched: float | None
    lift_one_look: float | None


def effect_curve(
    baseline: Baseline,
    *,
    units_per_day: float,
    shares: tuple[float, ...],
    alpha: float,
    power: float,
    days: Sequence[int] = CURVE_DAYS,
) -> tuple[DetectableEffect, ...]:
    """What each number of days finds, watched all the way and with one look at the end.

    ``alpha`` is of one comparison among all; it is divided by the number of treatments.
    """
    return tuple(
        DetectableEffect(
            days=number,
            units=round(number * units_per_day),
            lift_one_look=_one_look(baseline, number * units_per_day, shares, alpha, power),
            lift_watched=_watched(baseline, number * units_per_day, shares, alpha, power),
        )
        for number in days
    )


def curve_of(
    found: ExperimentDesign, *, shares: tuple[float, ...], alpha: float
) -> tuple[DetectableEffect, ...]:
    """The curve of a design, empty where no traffic is known."""
    if found.units_per_day is None or found.baseline.mean == 0.0:
        return ()
    return effect_curve(
        found.baseline,
        units_per_day=found.units_per_day,
        shares=shares,
        alpha=alpha,
        power=found.plan.power,
    )


def _one_look(
    baseline: Baseline, units: float, shares: tuple[float, ...], alpha: float, power: float
) -> float | None:
    total = sum(shares)
    try:
        return detectable_lift(
            baseline,
            n_control=units * shares[0] / total,
            n_treatment=units * min(shares[1:]) / total,
            alpha=alpha / (len(shares) - 1),
            power=power,
        )
    except InvalidInputError:  # too few units for any effect that there can be
        return None


def _watched(
    baseline: Baseline, units: float, shares: tuple[float, ...], alpha: float, power: float
) -> float | None:
    try:
        return watched_detectable_lift(
            baseline,
            total=units,
            shares=shares,
            alpha=alpha,
            power=power,
            comparisons=len(shares) - 1,
        )
    except InvalidInputError:
        return None
