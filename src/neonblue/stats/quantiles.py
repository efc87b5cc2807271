"""Quantiles of a metric over units: intervals from order statistics, for one look.

``sequential_quantiles`` has the limits that hold at every look.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtr, ndtri

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
    observations. They may have been read from a sample of ``n_read`` of them. ``variance_factor``
    is how much clustering (several observations a unit) multiplies the variance.
    """

    n: float
    quantile: float
    estimate: float
    lower: float
    upper: float
    n_read: float | None = None
    variance_factor: float = 1.0

    @property
    def error_variance(self) -> float:
        """Squared standard error of the estimate: the outer interval's width through 1.96.

        Deng, Knoblich, Lu (2018), section 4.2; ``variance_factor`` is their eq. 12.
        """
        read = self.n if self.n_read is None else self.n_read
        width = (self.upper - self.lower) / (2.0 * Z_95)
        return read / self.n * (self.n - 1.0) / self.n * width * width * self.variance_factor


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


def quantile_summary(
    values: ArrayLike, quantile: float, *, clusters: ArrayLike | None = None
) -> QuantileSummary:
    """The quantile of values (n,), one an observation, with ``clusters`` (n,) the unit of each.

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
    factor = 1.0 if clusters is None else cluster_factor(x <= estimate, clusters, quantile)
    return QuantileSummary(
        n=float(x.size),
        quantile=quantile,
        estimate=estimate,
        lower=float(ordered[low - 1]),
        upper=float(ordered[high - 1]),
        variance_factor=factor,
    )


def outer_ranks(n: int, quantile: float, *, alpha: float = 0.05) -> tuple[int, int]:
    """Ranks (1 to n) of the normal-approximation interval, rounded outwards.

    Deng, Knoblich, Lu (2018), section 4: ranks n q -+ z sqrt(n q (1 - q)), so that the standard
    error = (x_upper - x_lower) / (2 z).
    """
    reach = -float(ndtri(alpha / 2.0)) * math.sqrt(quantile * (1.0 - quantile) * n)
    low, high = math.floor(n * quantile - reach), math.ceil(n * quantile + reach) + 1
    return max(low, 1), min(high, n)


def exact_ranks(n: int, quantile: float, *, alpha: float = 0.05) -> tuple[int, int]:
    """Ranks of the distribution-free interval: Conover (1999), section 3.2.

    The counts below the quantile are binomial; the ranks leave alpha / 2 in each tail.

    P(Binomial(n, q) < low) <= alpha / 2 and P(Binomial(n, q) >= high) <= alpha / 2, sizes
    summing to <= alpha.
    """
    _check_quantile(quantile)
    low = _binomial_quantile(alpha / 2.0, n, quantile)
    high = _binomial_quantile(1.0 - alpha / 2.0, n, quantile) + 1
    return max(low, 1), min(high, n)


def _binomial_quantile(probability: float, n: int, p: float) -> int:
    """Least k with P(Binomial(n, p) <= k) >= probability."""
    low, high = -1, n
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if bdtr(middle, n, p) < probability else (low, middle)
    return high


def cluster_variance(
    *,
    n_clusters: float,
    sum_below: float,
    sum_below_2: float,
    sum_size: float,
    sum_size_2: float,
    sum_below_size: float,
) -> float:
    """Variance of the share of observations below the quantile, when units have several.

    Sums over units of: observations below, observations, squares and products. The delta method
    for a ratio (Deng, Knoblich, Lu 2018, eq. 12).

    var = (var(s) - 2 p cov(s, n) + p^2 var(n)) / (k mean(n)^2) for s of n observations a unit
    below, p = s / n.
    """
    k = n_clusters
    below, size = sum_below / k, sum_size / k
    bessel = k / (k - 1.0)
    var_below = (sum_below_2 / k - below * below) * bessel
    var_size = (sum_size_2 / k - size * size) * bessel
    covariance = (sum_below_size / k - below * size) * bessel
    share = below / size
    return (var_below - 2.0 * share * covariance + share * share * var_size) / (k * size * size)


def cluster_factor(below: ArrayLike, clusters: ArrayLike, quantile: float) -> float:
    """How much clustering multiplies the variance: ``cluster_variance`` over q (1 - q) / n.

    Definition: a ratio of two variances; the first is Deng, Knoblich, Lu's (2018).
    """
    marks = np.asarray(below, dtype=float)
    _, codes = np.unique(np.asarray(clusters), return_inverse=True)
    if codes.size != marks.size:
        raise InvalidInputError(f"{marks.size} values and {codes.size} clusters: give one of each")
    counts, sizes = np.bincount(codes, weights=marks), np.bincount(codes).astype(float)
    if sizes.size < 2:
        raise InvalidInputError("one unit has all observations: a quantile needs two units or more")
    variance = cluster_variance(
        n_clusters=sizes.size,
        sum_below=float(counts.sum()),
        sum_below_2=float(counts @ counts),
        sum_size=float(sizes.sum()),
        sum_size_2=float(sizes @ sizes),
        sum_below_size=float(counts @ sizes),
    )
    return variance / (quantile * (1.0 - quantile) / marks.size)


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
