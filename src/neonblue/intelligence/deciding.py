"""Which comparison decides, and by which of its two intervals: the one place that says so.

Every number, chart, sentence and memory of an analysis that speaks of "the" effect asks here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from neonblue.intelligence.evidence import Analysis, Comparison
from neonblue.models import MetricDefinition

Basis = Literal["anytime_valid", "fixed_horizon"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deciding:
    """One comparison with the interval that decides; limits on the absolute scale.

    ``p_value`` is adjusted over all that could have spoken in its direction: for success over the
    primary metrics, for harm over all that can raise the alarm. ``harmful`` says which of the two.
    """

    metric: MetricDefinition
    comparison: Comparison
    basis: Basis
    ci_lower: float
    ci_upper: float
    relative_ci_lower: float | None
    relative_ci_upper: float | None
    p_value: float
    harmful: bool

    @property
    def key(self) -> tuple[str, str]:
        """The metric and the treatment."""
        return self.comparison.metric, self.comparison.variant


def deciding(analysis: Analysis) -> Deciding | None:
    """The comparison that the verdict rests on; None while nothing can be compared."""
    key = analysis.decision.deciding
    return next((one for one in comparisons_of(analysis) if one.key == key), None)


def leading_primary(analysis: Analysis) -> Deciding | None:
    """The primary effect of the treatment that decides: what is remembered and forecast.

    It is the deciding comparison itself, unless that is a guardrail's: then the primary metric of
    the same treatment with the least p.
    """
    found = deciding(analysis)
    if found is None or found.metric.role == "primary":
        return found
    same = [
        one
        for one in comparisons_of(analysis)
        if one.metric.role == "primary" and one.comparison.variant == found.comparison.variant
    ]
    return min(same, key=lambda one: one.p_value, default=None)


def basis_of(comparison: Comparison, *, fixed: bool) -> Basis:
    """Which interval of a comparison decides; ``fixed`` is ``look.fixed_horizon_decides``."""
    return "fixed_horizon" if fixed and comparison.fixed_horizon is not None else "anytime_valid"


def comparisons_of(analysis: Analysis) -> Iterator[Deciding]:
    """Every comparison of an analysis with the interval that decides of it."""
    fixed = analysis.look.fixed_horizon_decides
    for effects in analysis.metrics:
        for comparison in effects.comparisons:
            yield _one(effects.definition, comparison, fixed=fixed)


def _one(metric: MetricDefinition, comparison: Comparison, *, fixed: bool) -> Deciding:
    basis = basis_of(comparison, fixed=fixed)
    shown = comparison.fixed_horizon if basis == "fixed_horizon" else None
    lower, upper = comparison.deciding_interval(fixed=fixed)
    sign = 1.0 if metric.direction == "increase" else -1.0
    harmful = sign * comparison.absolute_difference < 0.0
    adjusted = comparison.harm_p_value if harmful else comparison.adjusted_p_value
    if adjusted is None:
        adjusted = comparison.deciding_p_value(fixed=fixed)
    return Deciding(
        metric=metric,
        comparison=comparison,
        basis=basis,
        ci_lower=lower,
        ci_upper=upper,
        relative_ci_lower=shown.deciding_relative_ci_lower
        if shown
        else comparison.relative_ci_lower,
        relative_ci_upper=shown.deciding_relative_ci_upper
        if shown
        else comparison.relative_ci_upper,
        p_value=adjusted,
        harmful=harmful,
    )
