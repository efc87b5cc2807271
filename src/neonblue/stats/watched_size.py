"""Units of a plan that is watched, by the rules that decide: guards, several treatments, looks.

``sequential_power`` knows what a confidence sequence costs where a difference is normal and
watched without a gap. An experiment has three more costs, each taken from the code that judges
it: limits that skew may not make too narrow (``sequential_limits``), which rare conversions pay
for; the burn-in; and the time between two looks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neonblue.stats.sequential import burn_in_units, pooled_standard_error
from neonblue.stats.sequential_boundary import plan_critical_value
from neonblue.stats.sequential_limits import (
    LEAST_EFFECTIVE_UNITS,
    LogMargins,
    effective_units,
    log_margins,
)
from neonblue.stats.sequential_power import crossing_curve

LOOKS = 20
"""Looks until the plan that are enough for the power that was asked for."""
OVERSHOOT = 0.583
"""Mean overshoot of a walk beyond a boundary, in steps' standard deviations (Siegmund 1985)."""
NEVER = 40.0
"""A z-value that no walk reaches: before the burn-in."""
ROUNDS = 6
LEAST_SHARE_OF_MEAN = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedDesign:
    """Two variants under the alternative: means, variances of one unit, shares of all units.

    ``margin`` is absolute, 0 where a difference is to be found; ``nonnegative`` that no unit's
    value lies below zero. The interval has level ``alpha``, p is held against ``tested_alpha``.
    """

    mean_control: float
    mean_treatment: float
    variance_control: float
    variance_treatment: float
    share_control: float
    share_treatment: float
    alpha: float
    tested_alpha: float
    margin: float = 0.0
    nonnegative: bool = False
    proportion: bool = False

    @property
    def effect(self) -> float:
        """What is found: the difference beyond the margin, as a size."""
        difference = self.mean_treatment - self.mean_control
        return difference + self.margin if self.margin else abs(difference)

    @property
    def upwards(self) -> bool:
        """Whether the lower limit is the one that decides."""
        return self.margin > 0.0 or self.mean_treatment >= self.mean_control


def watched_power(design: WatchedDesign, total: float, *, looks: int = LOOKS) -> float:
    """Chance that one of ``looks`` evenly spaced looks until ``total`` planned units decides.

    ``total`` counts all variants. The plan may go on to twice as many, as is the default.

    Peskir (2002), eq. 1.2, by ``crossing_curve`` with drift = effect / sd(total) and the boundary
    z(t) = d(t) / sd(t) + 0.583 / sqrt(looks t): d(t) is the estimate at which the deciding limit
    just meets the margin, the last term Siegmund's (1985) mean overshoot for looks that are apart.
    """
    units = np.array([design.share_control, design.share_treatment]) * total
    if units.min() < 2.0:
        return 0.0
    drift = design.effect / float(_true_error(design, units))
    curve = crossing_curve(_boundary(design, units, looks), drift=drift)
    return float(curve[-1])


def _boundary(
    design: WatchedDesign, units: np.ndarray, looks: int
) -> Callable[[np.ndarray], np.ndarray]:
    pair = float(units.sum())
    burn_in = burn_in_units(pair, smallest_share=float(units.min()) / pair)

    def boundary(times: np.ndarray) -> np.ndarray:
        came = times[:, None] * units
        z = _deciding_estimate(design, times, came) / _true_error(design, came)
        z = z + OVERSHOOT / np.sqrt(looks * times)
        waiting = came.sum(axis=1) < burn_in
        if design.nonnegative:
            waiting |= _effective(design, came) < LEAST_EFFECTIVE_UNITS
        return np.where(waiting, NEVER, np.minimum(z, NEVER))

    return boundary


def _true_error(design: WatchedDesign, units: np.ndarray) -> np.ndarray:
    """Standard deviation of the difference with ``units`` (..., 2) of control and treatment."""
    return np.sqrt(
        design.variance_control / units[..., 0] + design.variance_treatment / units[..., 1]
    )


def _deciding_estimate(design: WatchedDesign, times: np.ndarray, came: np.ndarray) -> np.ndarray:
    """How far beyond the margin an estimate lies, (k,), when its limit just meets the margin."""
    width, needed = (
        np.asarray(plan_critical_value(times, planned_n=1.0, maximum_n=2.0, alpha=level))
        for level in (design.alpha, design.tested_alpha)
    )
    found = needed * _true_error(design, came)
    for _ in range(ROUNDS):
        means, variances = _at(design, found, came)
        margins, error = _margins(design, means, variances, came)
        below, above = margins.reach(width, error)
        found = (below if design.upwards else above) * needed / width
    return np.asarray(found)


def _at(
    design: WatchedDesign, found: np.ndarray, came: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Means and variances, (2, k), where the difference is just ``found`` beyond the margin.

    The units' common mean stays what it is under the alternative.
    """
    sign = 1.0 if design.upwards else -1.0
    difference = sign * found - design.margin
    total = came.sum(axis=1)
    common = (came[:, 0] * design.mean_control + came[:, 1] * design.mean_treatment) / total
    means = np.array(
        [common - difference * came[:, 1] / total, common + difference * came[:, 0] / total]
    )
    variances = np.array([[design.variance_control], [design.variance_treatment]])
    if not design.nonnegative:
        return means, np.broadcast_to(variances, means.shape)
    means = np.maximum(means, LEAST_SHARE_OF_MEAN * common)
    if design.proportion:
        means = np.minimum(means, 1.0 - LEAST_SHARE_OF_MEAN * (1.0 - common))
        return means, means * (1.0 - means)
    return means, np.broadcast_to(variances, means.shape)


def _margins(
    design: WatchedDesign, means: np.ndarray, variances: np.ndarray, came: np.ndarray
) -> tuple[LogMargins, np.ndarray]:
    margins = log_margins(
        n_control=came[:, 0],
        mean_control=means[0],
        variance_control=variances[0],
        n_treatment=came[:, 1],
        mean_treatment=means[1],
        variance_treatment=variances[1],
        nonnegative=design.nonnegative,
        proportion=design.proportion,
    )
    error = pooled_standard_error(
        n_control=came[:, 0],
        variance_control=variances[0],
        n_treatment=came[:, 1],
        variance_treatment=variances[1],
    )
    return margins, np.asarray(error)


def _effective(design: WatchedDesign, came: np.ndarray) -> np.ndarray:
    found = effective_units(
        n_control=came[:, 0],
        mean_control=np.full(len(came), design.mean_control),
        variance_control=np.full(len(came), design.variance_control),
        n_treatment=came[:, 1],
        mean_treatment=np.full(len(came), design.mean_treatment),
        variance_treatment=np.full(len(came), design.variance_treatment),
        proportion=design.proportion,
    )
    return np.asarray(found)
