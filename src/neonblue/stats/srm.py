"""Sample ratio mismatch: did units arrive in the planned shares?

The chi-square test is for one look (Fabijan et al. 2019), and the exact one where a variant
expects few units; the sequential multinomial test of
Lindon and Malek (2022, "Anytime-valid inference for multinomial count data") holds at every
look.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from numpy.typing import ArrayLike
from scipy.special import bdtr, bdtrc, chdtrc

from neonblue.errors import InvalidInputError

HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
CONCENTRATION = 5_000.0
"""Default certainty of the Dirichlet prior around the plan.

Of 1,000 to 40,000 the one that finds 49.5/50.5 as soon as any, and larger mismatches sooner than
10,000 does (benchmarks.sequential_srm).
"""
EXACT_BELOW = 50.0
"""Expected units of a variant below which chi-square's tail is not trusted."""


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
    """Pearson's chi-square of counts (k,) against weights (k,) of any positive scale.

    Pearson (1900): chi^2 = sum of (x_i - N w_i)^2 / (N w_i) with k - 1 degrees of freedom.
    """
    units, shares, stray = _planned(counts, weights)
    total = math.fsum(units)
    if len(units) < 2 or total <= 0.0:
        return _insufficient(stray)
    statistic = sum((x - total * w) ** 2 / (total * w) for x, w in zip(units, shares, strict=True))
    df = len(units) - 1
    p = 0.0 if stray else float(chdtrc(df, statistic))
    return SrmTest(statistic=statistic, p_value=p, degrees_of_freedom=df, unexpected_units=stray)


def sequential_srm_test(
    counts: ArrayLike, weights: ArrayLike, *, concentration: float = CONCENTRATION
) -> SrmTest:
    """Bayes factor of a Dirichlet(concentration * shares) mixture against the plan.

    ``p_value`` = min(1, 1 / Bayes factor) is valid at every look; so is its least over looks.

    Lindon and Malek (2022): B = Gamma(c) / Gamma(N + c) times the product over i of Gamma(x_i +
    c w_i) / Gamma(c w_i) w_i^-x_i, c = ``concentration``.
    """
    if not 0.0 < concentration < math.inf:
        raise InvalidInputError(f"concentration {concentration!r} must be a positive number")
    units, shares, stray = _planned(counts, weights)
    if len(units) < 2 or math.fsum(units) <= 0.0:
        return _insufficient(stray)
    log_bf = _log_bayes_factor(units, shares, concentration)
    p = 0.0 if stray else math.exp(-max(log_bf, 0.0))
    return SrmTest(
        statistic=log_bf, p_value=p, degrees_of_freedom=len(units) - 1, unexpected_units=stray
    )


def srm_p_values_of_periods(
    counts: Sequence[ArrayLike], weights: Sequence[ArrayLike]
) -> tuple[float | None, float | None]:
    """Chi-square and anytime-valid p of counts that came in periods, each with its own weights.

    None where no period has units and two variants with traffic.

    Ours: chi^2 = sum of the periods' chi^2 with the sum of their degrees of freedom; B = product of
    their Bayes factors (Lindon and Malek 2022), a martingale whatever the weights followed from, so
    p = min(1, 1 / B) is valid at every look.
    """
    fixed = [srm_test(n, w) for n, w in zip(counts, weights, strict=True)]
    tests = [one for one in fixed if one.status == "available"]
    if not tests:
        return None, None
    if any(one.unexpected_units for one in tests):
        return 0.0, 0.0
    sequential = [sequential_srm_test(n, w) for n, w in zip(counts, weights, strict=True)]
    log_bf = math.fsum(one.statistic for one in sequential if one.status == "available")
    statistic = math.fsum(one.statistic for one in tests)
    freedom = sum(one.degrees_of_freedom for one in tests)
    return float(chdtrc(freedom, statistic)), math.exp(-max(log_bf, 0.0))


def one_look_srm_p_value(counts: ArrayLike, weights: ArrayLike) -> float:
    """``srm_test``'s p, or the exact one of two variants where one expects under ``EXACT_BELOW``.

    NaN where ``srm_test`` has too little data. Pearson (1900) and Clopper and Pearson (1934): with
    10 units expected of 100 chi-square's p falls below .001 in .20 % of sound splits, the exact
    one in .06 %; p = ``exact_srm_p_value`` there.
    """
    found = srm_test(counts, weights)
    units, shares, _ = _planned(counts, weights)
    if len(units) == 2 and 0.0 < math.fsum(units) * min(shares) < EXACT_BELOW:
        return exact_srm_p_value(counts, weights)
    return found.p_value


def exact_srm_p_value(counts: ArrayLike, weights: ArrayLike) -> float:
    """Exact two-sided binomial p for two variants: for small counts.

    Definition: p = sum of binomial probabilities not above the observed one's.
    """
    units, shares, stray = _planned(counts, weights)
    if len(units) != 2:
        raise InvalidInputError(
            f"the exact test takes two variants, not {len(units)!r}: use the chi-square test"
        )
    if stray:
        return 0.0
    n, first = round(sum(units)), round(units[0])
    if first > n * shares[0]:
        return _both_tails(n - first, n, shares[1])
    return _both_tails(first, n, shares[0])


def _both_tails(x: int, n: int, share: float) -> float:
    """P(X <= x) of x at or below the mean, and of all above it that is no likelier than x."""
    if x == n * share:
        return 1.0
    bound = _log_probability(x, n, share) + 1e-7
    above = range(math.ceil(n * share), n + 1)
    least = bisect_left(above, True, key=lambda k: _log_probability(k, n, share) <= bound)
    upper = float(bdtrc(above[least] - 1, n, share)) if least < len(above) else 0.0
    return float(bdtr(x, n, share)) + upper


def _log_probability(k: int, n: int, share: float) -> float:
    combinations = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return combinations + k * math.log(share) + (n - k) * math.log1p(-share)


def _log_bayes_factor(units: list[float], shares: list[float], concentration: float) -> float:
    """Lindon and Malek (2022), their factor rearranged so that counts near 2**53 lose no digits.

    By Stirling's formula log Gamma falls into a relative entropy, which is small and computed
    as such, and terms that stay small; the huge parts cancel on paper instead of in floats.
    """
    total = math.fsum(units)
    log_bf = _stirling_rest(concentration) - _stirling_rest(total + concentration)
    for x, w in zip(units, shares, strict=True):
        expected = (total + concentration) * w
        excess = (x - total * w) / expected
        log_bf += expected * ((1.0 + excess) * math.log1p(excess) - excess)
        log_bf += _stirling_rest(x + concentration * w) - _stirling_rest(concentration * w)
    return log_bf


def _stirling_rest(z: float) -> float:
    """log Gamma(z) - (z log z - z + log(2 pi) / 2), without cancellation for large z."""
    log_z = math.log(z)
    if z < 100.0:
        return math.lgamma(z) - (z * log_z - z + HALF_LOG_2PI)
    inverse = 1.0 / (z * z)
    return (1.0 / 12.0 - inverse * (1.0 / 360.0 - inverse / 1260.0)) / z - 0.5 * log_z


def _planned(counts: ArrayLike, weights: ArrayLike) -> tuple[list[float], list[float], float]:
    """Counts and shares of the variants that have traffic, and units where none was planned.

    Plain lists: there are few variants, and this runs at every look.
    """
    units = [float(x) for x in counts]  # type: ignore[union-attr, arg-type]
    plan = [float(w) for w in weights]  # type: ignore[union-attr, arg-type]
    if len(units) != len(plan):
        raise InvalidInputError(
            f"{len(units)} counts and {len(plan)} weights: give one of each a variant"
        )
    if not all(0.0 <= x < math.inf for x in units):
        raise InvalidInputError(f"counts {units!r} must be numbers of units, 0 or more")
    total = sum(plan)
    if not (all(w >= 0.0 for w in plan) and 0.0 < total < math.inf):
        raise InvalidInputError(
            f"weights {plan!r} must be 0 or more with one above 0: check the plan"
        )
    live = [(x, w / total) for x, w in zip(units, plan, strict=True) if w > 0.0]
    stray = sum(x for x, w in zip(units, plan, strict=True) if w == 0.0)
    return [x for x, _ in live], [share for _, share in live], stray


def _insufficient(stray: float) -> SrmTest:
    return SrmTest(
        statistic=math.nan,
        p_value=math.nan,
        degrees_of_freedom=0,
        unexpected_units=stray,
        status="insufficient_data",
        detail="needs units and two variants with a weight above 0",
    )
