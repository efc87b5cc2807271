"""How many units a plan needs, and how long they take to come, fixed and sequential."""

from __future__ import annotations

import math
from dataclasses import dataclass

from neonblue.errors import InvalidInputError
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
    units_one_look: int | None
    units_watched: int | None
    days_one_look: float | None
    days_watched: float | None
    units_per_day: float | None
    missing: tuple[str, ...]


def size(plan: ForecastPlan, units_per_day: float | None) -> Sizing:
    """What the plan needs at its alpha and power, equal shares, alpha divided by treatments."""
    mde = plan.mde or DEFAULT_MDE
    fixed, sequential = _totals(plan, mde)
    missing = [] if plan.relative_noise else ["baseline (and baseline_sd for a mean)"]
    if units_per_day is None:
        missing.append("units_per_day")
    return Sizing(
        mde=mde,
        mde_is_default=plan.mde is None,
        units_one_look=fixed,
        units_watched=sequential,
        days_one_look=_days(fixed, units_per_day),
        days_watched=_days(sequential, units_per_day),
        units_per_day=units_per_day,
        missing=tuple(missing),
    )


def relative_standard_error(plan: ForecastPlan, total: int | None) -> float | None:
    """The standard error of the relative lift of one treatment, with ``total`` units in all."""
    if total is None or plan.relative_noise is None:
        return None
    return plan.relative_noise * math.sqrt(2 * plan.variant_count / total)


def _totals(plan: ForecastPlan, mde: float) -> tuple[int | None, int | None]:
    from neonblue.stats.planning import Baseline, plan_sample

    if plan.baseline is None or plan.relative_noise is None:
        return None, None
    if plan.metric_kind == "proportion" and plan.baseline * (1 + mde) >= 1:
        raise InvalidInputError(
            f"mde {mde!r} on a baseline of {plan.baseline!r} is a rate of 1 or more: "
            "give a smaller relative improvement"
        )
    count = plan.variant_count
    sample = plan_sample(
        Baseline(
            kind=plan.metric_kind,
            mean=plan.baseline,
            sd=plan.relative_noise * abs(plan.baseline),
        ),
        mde=mde,
        shares=(1 / count,) * count,
        alpha=plan.experiment.alpha,
        power=plan.experiment.power,
        comparisons=count - 1,
    )
    return sample.total, sample.sequential_total


def _days(total: int | None, units_per_day: float | None) -> float | None:
    if total is None or units_per_day is None:
        return None
    return max(LEAST_DAYS, total / units_per_day)
