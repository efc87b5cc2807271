"""Confidence sequences for bounded observations: nonasymptotic, so valid from the first unit.

The beta-binomial mixture of Howard et al. (2021), section 3.2, for proportions
(it is the likelihood ratio of a beta-binomial against one proportion), and a predictable
plug-in betting sequence for means in [0, 1] after Waudby-Smith and Ramdas (2024,
"Estimating means of bounded random variables by betting").
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import betaln, xlogy

from neonblue.errors import InvalidInputError
from neonblue.stats.sequential_mixture import howard_rho

LEAST_CONCENTRATION = 1e-3


def bernoulli_log_e(
    successes: float, n: float, *, null: float, t_opt: float, alpha_opt: float = 0.05
) -> float:
    """Log e-value against the proportion ``null``, tuned to ``t_opt`` trials.

    Robbins (1970); Howard et al. (2021), section 3.2, beta-binomial mixture: log e = log B(a +
    x, b + n - x) - log B(a, b) - x log p - (n - x) log(1 - p), with a = p c, b = (1 - p) c and
    c = rho / (p (1 - p)) - 1.
    """
    if not 0.0 < null < 1.0:
        return math.inf if 0 < successes < n or successes != null * n else 0.0
    variance = null * (1.0 - null)
    rho = howard_rho(v_opt=t_opt * variance, alpha_opt=alpha_opt)
    concentration = max(rho / variance - 1.0, LEAST_CONCENTRATION)
    a, b = null * concentration, (1.0 - null) * concentration
    failures = n - successes
    likelihood = xlogy(successes, null) + xlogy(failures, 1.0 - null)
    return float(betaln(a + successes, b + failures) - betaln(a, b) - likelihood)


def bernoulli_sequence(
    successes: float, n: float, *, t_opt: float, alpha: float = 0.05, alpha_opt: float = 0.05
) -> tuple[float, float]:
    """Confidence sequence (lower, upper) for a proportion after ``n`` trials.

    Robbins (1970): every p whose ``bernoulli_log_e`` stays below log(1 / alpha), so lower and
    upper = the p with e(p) = 1 / alpha.
    """
    if not 0 <= successes <= n:
        raise InvalidInputError(
            f"successes {successes!r} must lie between 0 and n {n!r}: check the counts"
        )
    if n == 0:
        return 0.0, 1.0
    threshold, mean = -math.log(alpha), successes / n

    def excess(null: float) -> float:
        return (
            bernoulli_log_e(successes, n, null=null, t_opt=t_opt, alpha_opt=alpha_opt) - threshold
        )

    edge = 1e-12
    lower = _crossing(excess, edge, mean) if mean > edge else 0.0
    upper = _crossing(excess, 1.0 - edge, mean) if mean < 1.0 - edge else 1.0
    return lower, upper


def _crossing(excess: Callable[[float], float], outside: float, inside: float) -> float:
    """Where the e-value passes the threshold between the estimate and the edge of [0, 1]."""
    inside = min(max(inside, 1e-12), 1.0 - 1e-12)
    if excess(outside) < 0.0:
        return float(round(outside))
    return float(brentq(excess, inside, outside, xtol=1e-14, rtol=1e-14))


def betting_sequence(
    observations: NDArray[np.float64], *, alpha: float = 0.05, grid: int = 1001
) -> tuple[float, float]:
    """Hedged-capital interval for the mean of values in [0, 1], in the order they came.

    Waudby-Smith and Ramdas (2024), hedged capital: needs every unit in order, so it serves audits
    of small experiments, not the analysis of sums. Returns the running intersection.

    K+-(m) = product of (1 +- b_i (x_i - m)), b_i cut at 1 / (2 m) and 1 / (2 (1 - m)); m is
    kept while (K+ + K-) / 2 < 1 / alpha.
    """
    x = np.asarray(observations, dtype=float)
    if x.size == 0:
        return 0.0, 1.0
    if not np.all((x >= 0.0) & (x <= 1.0)):
        raise InvalidInputError("a betting sequence needs values in [0, 1]: scale or cap them")
    bets = predictable_bets(x, alpha=alpha)
    kept = np.ones(grid, dtype=bool)
    means = np.linspace(0.0, 1.0, grid)
    long, short = np.zeros(grid), np.zeros(grid)
    for value, bet in zip(x, bets, strict=True):
        with np.errstate(divide="ignore"):
            long += np.log1p(np.minimum(bet, 0.5 / means) * (value - means))
            short += np.log1p(-np.minimum(bet, 0.5 / (1.0 - means)) * (value - means))
        kept &= np.logaddexp(long, short) - math.log(2.0) < -math.log(alpha)
    inside = means[kept]
    if inside.size == 0:
        return math.nan, math.nan
    step = 1.0 / (grid - 1)
    return max(0.0, float(inside[0]) - step), min(1.0, float(inside[-1]) + step)


def predictable_bets(x: NDArray[np.float64], *, alpha: float) -> NDArray[np.float64]:
    """The bet before each unit, from the variance of those before it.

    Waudby-Smith and Ramdas (2024), the predictable plug-in: b_t = sqrt(2 log(2 / alpha) /
    (v_{t-1} t log(1 + t))), v_t = (1/4 + sum of (x_i - m_i)^2) / (t + 1).
    """
    t = np.arange(1, x.size + 1)
    means = (0.5 + np.cumsum(x)) / (t + 1.0)
    variances = (0.25 + np.cumsum((x - means) ** 2)) / (t + 1.0)
    before = np.concatenate(([0.25], variances[:-1]))
    return np.sqrt(2.0 * math.log(2.0 / alpha) / (before * t * np.log1p(t)))
