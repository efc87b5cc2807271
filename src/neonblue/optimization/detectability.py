"""Whether the traffic can decide a plan, and what would make it decidable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neonblue.optimization.design import ExperimentDesign
from neonblue.optimization.effect_curve import DetectableEffect
from neonblue.optimization.launch_checks import MAX_DAYS

SUGGESTED_REDUCTION = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Detectability:
    """``because`` says why the traffic cannot decide it, '' where it can; ``remedies`` help each
    by itself."""

    because: str = ""
    remedies: tuple[str, ...] = ()


def detectability(
    sized: ExperimentDesign, curve: Sequence[DetectableEffect], *, variants: int
) -> Detectability:
    """A plan that takes over 90 days is said to be undetectable; unknown traffic says nothing."""
    days, traffic = sized.plan.sequential_days, sized.units_per_day
    if days is None or traffic is None or days <= MAX_DAYS:
        return Detectability()
    units = sized.plan.sequential_total
    return Detectability(
        because=(
            f"the traffic cannot decide this: {units:,} units take {days:,.0f} days, over "
            f"{MAX_DAYS:.0f}"
        ),
        remedies=tuple(_remedies(sized, curve, variants, days, traffic)),
    )


def _remedies(
    sized: ExperimentDesign,
    curve: Sequence[DetectableEffect],
    variants: int,
    days: float,
    traffic: float,
) -> list[str]:
    remedies = []
    if curve and (lift := curve[-1].lift_watched) is not None:
        remedies.append(
            f"a bolder change: {curve[-1].days} days find a lift of {lift:.1%} or more "
            f"(mde {lift:.3g})"
        )
    remedies.append(
        f"more traffic: {sized.plan.sequential_total / MAX_DAYS:,.0f} units a day decide it in "
        f"{MAX_DAYS:.0f} days, and {traffic:,.0f} come"
    )
    if sized.baseline.variance_reduction == 0.0:
        remedies.append(
            f"a covariate or pre_period_days: one that explains {SUGGESTED_REDUCTION:.0%} of the "
            f"variance makes it {days * (1.0 - SUGGESTED_REDUCTION):,.0f} days"
        )
    remedies.append("a metric nearer to the change, which more of the units reach")
    if variants > 2:
        remedies.append("two variants instead of more: they share units and alpha")
    return remedies
