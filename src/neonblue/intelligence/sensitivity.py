"""What the data so far could have found, and what the effect is worth in a month."""

from __future__ import annotations

import math
from dataclasses import dataclass

from neonblue.intelligence.deciding import Deciding
from neonblue.models import Experiment

DAYS_A_MONTH = 365.25 / 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """What one comparison could find by the interval that decides; fractions of control's mean.

    ``detectable_lift`` is the least lift that would be found now with the plan's power;
    ``power_reached`` the chance that a lift of ``mde`` would have been, None without an mde.
    """

    detectable_lift: float
    power_reached: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """A month in which every unit that comes gets the treatment, against all getting control.

    In the metric's own units: users for proportions, totals for means. The limits are those of the
    interval that decides.
    """

    metric: str
    variant: str
    units_per_day: float
    per_month: float
    ci_lower: float
    ci_upper: float


def sensitivity(experiment: Experiment, found: Deciding) -> Sensitivity | None:
    """None while there is no interval, or control's mean is 0.

    Definition: with half-width h and standard error s the effect d is found with probability
    Phi((d - h) / s), so the least one found with the wanted power is h + z_power s.
    """
    from scipy.special import ndtr, ndtri

    error = found.comparison.standard_error
    half = (found.ci_upper - found.ci_lower) / 2
    scale = abs(found.comparison.mean_control)
    if not (math.isfinite(half) and math.isfinite(error)) or error <= 0.0 or scale == 0.0:
        return None
    mde = found.metric.mde
    reached = None if mde is None else float(ndtr((mde * scale - half) / error))
    least = (half + float(ndtri(experiment.power)) * error) / scale
    return Sensitivity(detectable_lift=least, power_reached=reached)


def impact(found: Deciding | None, units_per_day: float | None) -> Impact | None:
    """What a month brings; None without an interval, without traffic, or of a ratio or quantile."""
    if found is None or not units_per_day or found.metric.kind in ("ratio", "quantile"):
        return None
    if not math.isfinite(found.ci_upper - found.ci_lower):
        return None
    units = units_per_day * DAYS_A_MONTH
    return Impact(
        metric=found.metric.name,
        variant=found.comparison.variant,
        units_per_day=units_per_day,
        per_month=units * found.comparison.absolute_difference,
        ci_lower=units * found.ci_lower,
        ci_upper=units * found.ci_upper,
    )
