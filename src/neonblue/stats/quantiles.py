"""Quantiles of a metric over units: intervals from order statistics, for one look.

``sequential_quantiles`` has the limits that hold at every look.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from neonblue.errors import InvalidInputError
from neonblue.stats.comparison import (
    Alternative,
    InsufficientData,
    MissingCode,
    check_alpha,
    interval,
    p_value,
)
from neonblue.stats.effect import welch

Z_95 = -float(ndtri(0.025))


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileSummary:
    """A variant's quantile and where its 95 % order-statistic interval lies.

    ``lower`` and ``upper`` are the values at ranks n (q -+ 1.96 sqrt(q (1 - q) / n)); ``n`` counts
    units, each with one value.
    """

    n: float
    quantile: float
    estimate: float
    lower: float
    upper: float

    @property
    def error_variance(self) -> float:
        """Squared standard error of the estimate: the outer interval's width through 1.96.

        Deng, Knoblich, Lu (2018), section 4.2: (n - 1) / n ((u - l) / (2 z))^2.
        """
        width = (self.upper - self.lower) / (2.0 * Z_95)
        return (self.n - 1.0) / self.n * width * width


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileComparison:
    """Treatment minus control quantile. ``horizon`` says that it may be read once only."""

    absolute_difference: float
    standard_error: float
    degrees_of_freedom: float
    statistic: float
    p_value: float
    ci_lower: float
    ci_upper: float
    relative_lift: float | None
    horizon: Literal["fixed"] = "fixed"
    status: Literal["available"] = "available"


def quantile_summary(values: ArrayLike, quantile: float) -> QuantileSummary:
    """The quantile of values (n,), one a unit.

    Raises ``InvalidInputError`` for NaN or a quantile outside 0 to 1.

    Hyndman and Fan (1996), definition 7, for the estimate: x_(j) + g (x_(j+1) - x_(j)) with j +
    g = 1 + (n - 1) q; its interval from ``outer_ranks``.
    """
    x = np.asarray(values, dtype=float).ravel()
    _check_quantile(quantile)
    if x.size == 0 or not np.isfinite(x).all():
        raise InvalidInputError(
            f"a quantile needs finite values, got {x.size} of which "
            f"{int((~np.isfinite(x)).sum())} are not: drop or fill them first"
        )
    ordered = np.sort(x)
    low, high = outer_ranks(x.size, quantile)
    estimate = float(np.quantile(ordered, quantile))
    return QuantileSummary(
        n=float(x.size),
        quantile=quantile,
        estimate=estimate,
        lower=float(ordered[low - 1]),
        upper=float(ordered[high - 1]),
    )


def outer_ranks(n: int, quantile: float, *, alpha: float = 0.05) -> tuple[int, int]:
    """Ranks (1 to n) of the normal-approximation interval, rounded outwards.

    Deng, Knoblich, Lu (2018), section 4: ranks n q -+ z sqrt(n q (1 - q)), so that the standard
    error = (x_upper - x_lower) / (2 z).
    """
    reach = -float(ndtri(alpha / 2.0)) * math.sqrt(quantile * (1.0 - quantile) * n)
    low, high = math.floor(n * quantile - reach), math.ceil(n * quantile + reach) + 1
    return max(low, 1), min(high, n)


def compare_quantiles(
    control: QuantileSummary,
    treatment: QuantileSummary,
    *,
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
) -> QuantileComparison | InsufficientData:
    """Difference of two quantiles with Welch's degrees of freedom; right once, at the planned n.

    Welch (1947): t = (q_t - q_c) / sqrt(a + b), df = (a + b)^2 / (a^2 / (n_c - 1) + b^2 / (n_t
    - 1)).
    """
    check_alpha(alpha)
    missing = _missing(control, treatment)
    if missing is not None:
        return missing
    a, b = control.error_variance, treatment.error_variance
    difference, error = treatment.estimate - control.estimate, math.sqrt(a + b)
    df = welch(a, b, control.n, treatment.n)
    lower, upper = interval(difference, error, df, alpha, alternative)
    return QuantileComparison(
        absolute_difference=difference,
        standard_error=error,
        degrees_of_freedom=df,
        statistic=difference / error,
        p_value=p_value(difference / error, df, alternative),
        ci_lower=lower,
        ci_upper=upper,
        relative_lift=difference / abs(control.estimate) if control.estimate != 0.0 else None,
    )


def fewest_observations(quantile: float) -> float:
    """Below this many the outer ranks fall off the sample: 1.96**2 q / (1 - q), either side.

    Definition: where n q - z sqrt(n q (1 - q)) = 0 or reaches n.
    """
    odds = quantile / (1.0 - quantile)
    return Z_95 * Z_95 * max(odds, 1.0 / odds)


def _missing(control: QuantileSummary, treatment: QuantileSummary) -> InsufficientData | None:
    code: MissingCode = "too_few_units"
    detail = ""
    least = fewest_observations(control.quantile)
    if min(control.n, treatment.n) <= least:
        detail = f"quantile {control.quantile!r} needs more than {least:.0f} values in each variant"
    elif control.error_variance + treatment.error_variance <= 0.0:
        code, detail = "zero_variance", "the values around the quantile are all the same"
    if not detail:
        return None
    return InsufficientData(
        n_control=control.n, n_treatment=treatment.n, reasons=(code,), detail=detail
    )


def _check_quantile(quantile: Any) -> None:
    if not 0.0 < quantile < 1.0:
        raise InvalidInputError(f"quantile {quantile!r} must lie between 0 and 1: 0.9 is the p90")
