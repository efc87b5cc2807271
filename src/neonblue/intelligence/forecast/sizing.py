"""How many units a plan needs, and how long they take to come.

Fixed horizon: two-sided z test of two means, n a variant = 2 (z_{1-a/2} + z_power)^2 s^2 / d^2
(Chow, Shao and Wang 2008, "Sample Size Calculations in Clinical Research", eq. 3.2.4), with alpha
shared among the treatments. Sequential: the planned total grows by the factor that the confidence
sequence costs at the same power.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from neonblue.intelligence.forecast.plan import ForecastPlan

DEFAULT_MDE = 0.05
LEAST_DAYS = 7.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """Totals over all variants; days at the traffic given, at least a full week.

    ``mde`` is relative; everything is None while the baseline (or the traffic) is unknown.
    """

    mde: float
    mde_is_default: bool
    fixed_total: int | None
    sequential_total: int | None
    fixed_days: float | None
    sequential_days: float | None
    units_a_day: float | None
    missing: tuple[str, ...]


def size(plan: ForecastPlan, units_a_day: float | None) -> Sizing:
    """What the plan needs at its alpha and power."""
    mde = plan.mde or DEFAULT_MDE
    noise = plan.relative_noise
    fixed = None if noise is None else _fixed_total(plan, noise, mde)
    sequential = None if fixed is None else math.ceil(fixed * _inflation(plan))
    missing = [] if noise is not None else ["baseline (and baseline_sd for a mean)"]
    if units_a_day is None:
        missing.append("units_a_day")
    return Sizing(
        mde=mde,
        mde_is_default=plan.mde is None,
        fixed_total=fixed,
        sequential_total=sequential,
        fixed_days=_days(fixed, units_a_day),
        sequential_days=_days(sequential, units_a_day),
        units_a_day=units_a_day,
        missing=tuple(missing),
    )


def relative_standard_error(plan: ForecastPlan, total: int | None) -> float | None:
    """The standard error of the relative lift of one treatment, with ``total`` units in all."""
    if total is None or plan.relative_noise is None:
        return None
    return plan.relative_noise * math.sqrt(2 * plan.variant_count / total)


def _fixed_total(plan: ForecastPlan, noise: float, mde: float) -> int:
    from scipy.special import ndtri

    treatments = plan.variant_count - 1
    z = float(ndtri(1 - plan.experiment.alpha / (2 * treatments)) + ndtri(plan.experiment.power))
    return plan.variant_count * math.ceil(2 * (z * noise / mde) ** 2)


def _inflation(plan: ForecastPlan) -> float:
    from neonblue.stats.sequential_power import sample_size_factor

    return sample_size_factor(alpha=plan.experiment.alpha, power=plan.experiment.power)


def _days(total: int | None, units_a_day: float | None) -> float | None:
    if total is None or units_a_day is None:
        return None
    return max(LEAST_DAYS, total / units_a_day)
