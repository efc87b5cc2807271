"""Sample ratio mismatch: did units arrive in the planned shares?

The chi-square test is for one look (Fabijan et al. 2019); the sequential multinomial test of
Lindon and Malek (2022, "Anytime-valid inference for multinomial count data", eqs. 6-8) holds
at every look.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, gammaln

from neonblue.errors import InvalidInputError

CONCENTRATION = 5_000.0
"""Default certainty of the Dirichlet prior around the plan.

Of 1,000 to 40,000 the one that finds 49.5/50.5 as soon as any, and larger mismatches sooner than
10,000 does (benchmarks.sequential_srm).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SrmTest:
    """``statistic`` is chi-square (or the log Bayes factor of the sequential test).

    ``unexpected_units`` came to variants of weight 0: any at all is a mismatch by itself and
    makes ``p_value`` 0.
    """

    statistic: float
    p_value: float
    degrees_of_freedom: int
    unexpected_units: float
    status: Literal["available", "insufficient_data"] = "available"
    detail: str = ""


def srm_test(counts: ArrayLike, weights: ArrayLike) -> SrmTest:
    """Pearson's chi-square of counts (k,) against weights (k,) of any positive scale."""
    units, shares, stray = _planned(counts, weights)
    total = units.sum()
    if units.size < 2 or total <= 0:
        return _insufficient(stray)
    expected = total * shares
    difference = units - expected
    statistic = float((difference * difference / expected).sum())
    df = units.size - 1
    p = 0.0 if stray else float(chdtrc(df, statistic))
    return SrmTest(statistic=statistic, p_value=p, degrees_of_freedom=df, unexpected_units=stray)


def sequential_srm_test(
    counts: ArrayLike, weights: ArrayLike, *, concentration: float = CONCENTRATION
) -> SrmTest:
    """Bayes factor of a Dirichlet(concentration * shares) mixture against the plan.

    ``p_value`` = min(1, 1 / Bayes factor) is valid at every look; so is its least over looks.
    """
    if not 0.0 < concentration < math.inf:
        raise InvalidInputError(f"concentration {concentration!r} must be a positive number")
    units, shares, stray = _planned(counts, weights)
    total = float(units.sum())
    if units.size < 2 or total <= 0:
        return _insufficient(stray)
    log_bf = _log_bayes_factor(units, shares, concentration)
    p = 0.0 if stray else math.exp(-max(log_bf, 0.0))
    return SrmTest(
        statistic=log_bf, p_value=p, degrees_of_freedom=units.size - 1, unexpected_units=stray
    )


def exact_srm_p_value(counts: ArrayLike, weights: ArrayLike) -> float:
    """Exact two-sided binomial p for two variants: for small counts. Imports scipy.stats."""
    from scipy.stats import binomtest

    units, shares, stray = _planned(counts, weights)
    if units.size != 2:
        raise InvalidInputError(
            f"the exact test takes two variants, not {units.size!r}: use the chi-square test"
        )
    if stray:
        return 0.0
    return float(binomtest(int(units[0]), int(units.sum()), float(shares[0])).pvalue)


def _log_bayes_factor(units: np.ndarray, shares: np.ndarray, concentration: float) -> float:
    """Lindon and Malek (2022), eq. 6, rearranged so that counts near 2**53 lose no digits.

    By Stirling's formula log Gamma falls into a relative entropy, which is small and computed
    as such, and terms that stay small; the huge parts cancel on paper instead of in floats.
    """
    total = float(units.sum())
    posterior = units + concentration * shares
    expected = (total + concentration) * shares
    excess = (units - total * shares) / expected
    entropy = expected * ((1.0 + excess) * np.log1p(excess) - excess)
    rest = _stirling_rest(posterior).sum() - _stirling_rest(total + concentration)
    start = _stirling_rest(concentration * shares).sum() - _stirling_rest(concentration)
    return float(entropy.sum() + rest - start)


def _stirling_rest(z: Any) -> Any:
    """log Gamma(z) - (z log z - z + log(2 pi) / 2), without cancellation for large z."""
    inverse = 1.0 / (z * z)
    series = (1.0 / 12.0 - inverse * (1.0 / 360.0 - inverse / 1260.0)) / z
    small = np.minimum(z, 1e3)
    exact = gammaln(small) - ((small - 0.5) * np.log(small) - small + 0.5 * math.log(2.0 * math.pi))
    return np.where(z < 100.0, exact, series) - 0.5 * np.log(z)


def _planned(counts: ArrayLike, weights: ArrayLike) -> tuple[np.ndarray, np.ndarray, float]:
    """Counts and shares of the variants that have traffic, and units where none was planned."""
    units, plan = np.asarray(counts, dtype=float), np.asarray(weights, dtype=float)
    if units.shape != plan.shape or units.ndim != 1:
        raise InvalidInputError(
            f"{units.size} counts and {plan.size} weights: give one of each a variant"
        )
    if not (np.isfinite(units).all() and (units >= 0).all()):
        raise InvalidInputError(f"counts {units.tolist()!r} must be numbers of units, 0 or more")
    if not (np.isfinite(plan).all() and (plan >= 0).all() and plan.sum() > 0):
        raise InvalidInputError(
            f"weights {plan.tolist()!r} must be 0 or more with one above 0: check the plan"
        )
    live = plan > 0
    if live.all():
        return units, plan / plan.sum(), 0.0
    return units[live], plan[live] / plan.sum(), float(units[~live].sum())


def _insufficient(stray: float) -> SrmTest:
    return SrmTest(
        statistic=math.nan,
        p_value=math.nan,
        degrees_of_freedom=0,
        unexpected_units=stray,
        status="insufficient_data",
        detail="needs units and two variants with a weight above 0",
    )
