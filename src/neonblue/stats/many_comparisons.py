"""The textbook comparison of many segments at once: every field an array of one shape.

The same formulas as ``comparison``, elementwise; 10,000 segments take about 2 ms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from neonblue.models import MetricSummary
from neonblue.stats.comparison import FEWEST_UNITS, ComparedKind, check_alpha
from neonblue.stats.effect import effect_of

NORMAL_FROM = 300.0
"""Degrees of freedom above which t comes from its series around the normal distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyComparisons:
    """Arrays of shape (k,); NaN where ``available`` is False."""

    available: np.ndarray
    n_control: np.ndarray
    n_treatment: np.ndarray
    mean_control: np.ndarray
    mean_treatment: np.ndarray
    variance_control: np.ndarray
    variance_treatment: np.ndarray
    absolute_difference: np.ndarray
    standard_error: np.ndarray
    degrees_of_freedom: np.ndarray
    statistic: np.ndarray
    p_value: np.ndarray
    ci_lower: np.ndarray
    ci_upper: np.ndarray


def compare_many(
    control: MetricSummary,
    treatment: MetricSummary,
    *,
    kind: ComparedKind,
    alpha: float = 0.05,
    adjust: bool = True,
) -> ManyComparisons:
    """Two-sided tests of k segments from summaries whose fields have shape (k,).

    Welch (1947): t = (m_t - m_c) / sqrt(v_t / n_t + v_c / n_c), elementwise; see
    ``comparison.compare``.
    """
    check_alpha(alpha)
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = effect_of(control, treatment, kind=kind, adjust=adjust)
        error = np.asarray(effect.standard_error)
        enough = np.minimum(control.n, treatment.n) >= FEWEST_UNITS
        available = enough & (error > 0.0) & np.isfinite(error) & np.isfinite(effect.difference)
        error = np.where(available, error, np.nan)
        difference = np.where(available, effect.difference, np.nan)
        statistic = difference / error
        if kind == "proportion":
            df = np.where(available, np.inf, np.nan)
            tail, reach = ndtr(-np.abs(statistic)), -ndtri(alpha / 2.0)
        else:
            df = np.where(available, effect.degrees_of_freedom, np.nan)
            tail, reach = t_tails(np.abs(statistic), df), t_quantiles(df, alpha)
    return ManyComparisons(
        available=available,
        n_control=np.asarray(control.n),
        n_treatment=np.asarray(treatment.n),
        mean_control=np.asarray(effect.mean_control),
        mean_treatment=np.asarray(effect.mean_treatment),
        variance_control=np.asarray(effect.variance_control),
        variance_treatment=np.asarray(effect.variance_treatment),
        absolute_difference=difference,
        standard_error=error,
        degrees_of_freedom=df,
        statistic=statistic,
        p_value=2.0 * tail,
        ci_lower=difference - reach * error,
        ci_upper=difference + reach * error,
    )


def t_tails(t: np.ndarray, df: np.ndarray) -> np.ndarray:
    """P(T > t) for t >= 0: exact, or Hill (1970, Algorithm 395) from ``NORMAL_FROM`` on.

    There its relative error is below 1e-12 up to t = 8, below 1e-6 wherever a tail is above 1e-290,
    and it takes a tenth of the time.

    z = -sqrt(y) (1 + series / b) with y = a log(1 + t^2 / df), a = df - 1/2, b = 48 a^2.
    """
    a = df - 0.5
    b = 48.0 * a * a
    y = a * np.log1p(t * t / df)
    series = (((-0.4 * y - 3.3) * y - 24.0) * y - 85.5) / (0.8 * y * y + 100.0 + b) + y + 3.0
    tails = ndtr(-(series / b + 1.0) * np.sqrt(y))
    few = df < NORMAL_FROM
    if np.any(few):
        tails = np.asarray(tails)
        tails[few] = stdtr(df[few], -t[few])
    return np.asarray(tails)


def t_quantiles(df: np.ndarray, alpha: float) -> np.ndarray:
    """Upper alpha / 2 quantiles of t: exact, or Cornish-Fisher (Abramowitz-Stegun 26.7.5).

    From ``NORMAL_FROM`` degrees of freedom on the series errs by less than 1e-9 of the quantile for
    any alpha above 1e-6, and is 50 times faster than inverting.

    Abramowitz and Stegun (1964), 26.7.5: t = z + g1(z) / df + g2(z) / df^2 + g3(z) / df^3 +
    g4(z) / df^4.
    """
    z = -float(ndtri(alpha / 2.0))
    g1 = (z**3 + z) / 4.0
    g2 = (5 * z**5 + 16 * z**3 + 3 * z) / 96.0
    g3 = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384.0
    g4 = (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160.0
    inverse = 1.0 / df
    quantiles = z + inverse * (g1 + inverse * (g2 + inverse * (g3 + inverse * g4)))
    few = df < NORMAL_FROM
    if np.any(few):
        quantiles = np.asarray(quantiles)
        quantiles[few] = -stdtrit(df[few], alpha / 2.0)
    return np.asarray(quantiles)
