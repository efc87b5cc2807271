"""The confidence sequence of a proportion: nonasymptotic, so valid from the first unit.

The beta-binomial mixture of Howard et al. (2021), section 3.2: the likelihood ratio of a
beta-binomial against one proportion.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy.optimize import brentq
from scipy.special import betaln, xlogy

from neonblue.errors import InvalidInputError
from neonblue.stats.sequential_mixture import howard_rho

MIN_CONCENTRATION = 1e-3


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
    concentration = max(rho / variance - 1.0, MIN_CONCENTRATION)
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
