"""Post-stratification: the effect within strata, weighted by how common each stratum is.

Miratrix, Sekhon, Yu (2013), eqs. 6 and 14; also the remedy when weights changed mid-run: each
period of constant weights is a stratum (within it the comparison is fair).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from neonblue.errors import InvalidInputError
from neonblue.models import MetricSummary
from neonblue.stats.comparison import (
    Alternative,
    ComparedKind,
    InsufficientData,
    check_alpha,
    interval,
    missing_for,
    p_value,
)
from neonblue.stats.effect import effect_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """One stratum in both variants; ``share`` of the population, by default its share of units."""

    control: MetricSummary
    treatment: MetricSummary
    share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StratifiedComparison:
    """Treatment minus control over strata. Means are the strata's, weighted."""

    mean_control: float
    mean_treatment: float
    absolute_difference: float
    standard_error: float
    degrees_of_freedom: float
    statistic: float
    p_value: float
    ci_lower: float
    ci_upper: float
    weights: tuple[float, ...]
    status: Literal["available"] = "available"


def post_stratified(
    strata: Sequence[Stratum],
    *,
    kind: ComparedKind,
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
) -> StratifiedComparison | InsufficientData:
    """The stratified difference: sum of w_s times the difference in stratum s.

    Raises ``InvalidInputError`` without strata or with shares that sum to 0.

    Miratrix, Sekhon, Yu (2013): d = sum of w_s d_s, variance = sum of w_s^2 (v_ts / n_ts + v_cs
    / n_cs).
    """
    check_alpha(alpha)
    for stratum in strata:
        missing = missing_for(stratum.control, stratum.treatment, kind)
        if missing is not None:
            return missing
    weights = _weights(strata)
    effects = [effect_of(s.control, s.treatment, kind=kind) for s in strata]
    parts = weights**2 * np.array([e.standard_error**2 for e in effects])
    error = math.sqrt(float(parts.sum()))
    difference = float(weights @ np.array([e.difference for e in effects]))
    if error == 0.0:
        return InsufficientData(
            n_control=sum(s.control.n for s in strata),
            n_treatment=sum(s.treatment.n for s in strata),
            reasons=("zero_variance",),
            detail="every unit has the same value",
        )
    df = math.inf
    if kind != "proportion":
        freedom = np.array([e.degrees_of_freedom for e in effects if e.standard_error > 0.0])
        df = float(parts.sum() ** 2 / (parts[parts > 0.0] ** 2 / freedom).sum())
    lower, upper = interval(difference, error, df, alpha, alternative)
    return StratifiedComparison(
        mean_control=float(weights @ np.array([e.mean_control for e in effects])),
        mean_treatment=float(weights @ np.array([e.mean_treatment for e in effects])),
        absolute_difference=difference,
        standard_error=error,
        degrees_of_freedom=df,
        statistic=difference / error,
        p_value=p_value(difference / error, df, alternative),
        ci_lower=lower,
        ci_upper=upper,
        weights=tuple(weights.tolist()),
    )


def _weights(strata: Sequence[Stratum]) -> np.ndarray:
    if not strata:
        raise InvalidInputError("no strata were given: pass one a period or segment")
    weights = np.array(
        [s.control.n + s.treatment.n if s.share is None else s.share for s in strata], dtype=float
    )
    if not (np.isfinite(weights).all() and (weights >= 0.0).all() and weights.sum() > 0.0):
        raise InvalidInputError(f"shares {weights.tolist()!r} must be 0 or more, one above 0")
    return np.asarray(weights / weights.sum(), dtype=float)
