"""The plan boundary: a sequence that spends its error where the plan says units will be.

While the plan is not reached the boundary for the running sum is constant (O'Brien-Fleming under
continuous monitoring), from the planned to the maximum total it is constant in standard errors
(Pocock), and a normal mixture with a small share of alpha covers everything else: huge early
effects and any look after the maximum. By the union bound the whole holds at every n, looked at
or not. It needs the plan, which is why the plan is frozen.

With z the estimate in standard errors, the scaled score is c = |z| sqrt(min(1, n / planned_n)).
Under the null z sqrt(n) is asymptotically a Brownian motion in n, and

    P(sup over n <= maximum_n of c >= x)
        <= 4 (1 - Phi(x)) + phi(x) [(x - 1/x) ln R + k(R) / x],  R = maximum_n / planned_n.

The first term is the reflection principle up to the plan; the bracket is Siegmund (1985,
"Sequential Analysis", eq. 4.51) for |B(t)| / sqrt(t), with k(R) = 2.1 sqrt(1 - 1/R) chosen so that
the whole is above the probability by numerical integration for R up to 8 (a test repeats that).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy.special import ndtr

from neonblue.stats.sequential_mixture import (
    Numbers,
    critical_value,
    log_e_value,
    one_sided_critical_value,
    one_sided_log_e_value,
    tuned_variance,
)

MIXTURE_SHARE = 0.1
"""Part of alpha kept for the mixture: early alarms, and looks after the maximum."""
MIXTURE_TUNED_AT = 0.1
"""Fraction of the planned total at which the mixture is narrowest."""
DEFAULT_MAXIMUM_RATIO = 2.0
LARGEST_MAXIMUM_RATIO = 8.0
LEAST_SCORE = 1.3
"""Below this score the bound is above 0.5 and Siegmund's term is not asked for."""


def crossing_probability(
    score: Numbers, *, maximum_ratio: float, one_sided: bool = False
) -> Numbers:
    """Bound on the chance that the scaled score ever passes ``score`` before the maximum."""
    x = np.maximum(score, LEAST_SCORE)
    density = np.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)
    flat = (x - 1.0 / x) * math.log(maximum_ratio) + excess(maximum_ratio) / x
    bound = 4.0 * ndtr(-x) + density * flat
    return np.where(score < LEAST_SCORE, 1.0, np.minimum(1.0, bound / (2.0 if one_sided else 1.0)))


def excess(maximum_ratio: float) -> float:
    """k(R) of the module's formula."""
    return 2.1 * math.sqrt(1.0 - 1.0 / maximum_ratio)


@lru_cache(maxsize=256)
def critical_score(*, alpha: float, maximum_ratio: float, one_sided: bool = False) -> float:
    """The scaled score whose crossing probability is ``alpha``, by bisection."""
    low, high = LEAST_SCORE, 40.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        chance = crossing_probability(middle, maximum_ratio=maximum_ratio, one_sided=one_sided)
        low, high = (middle, high) if chance > alpha else (low, middle)
    return high


def plan_ratio(planned_n: float, maximum_n: float | None) -> float:
    """R: the maximum over the planned total, between 1 and the largest that is tabulated."""
    if maximum_n is None:
        return DEFAULT_MAXIMUM_RATIO
    return min(max(maximum_n / planned_n, 1.0), LARGEST_MAXIMUM_RATIO)


def plan_critical_value(
    n: Numbers,
    *,
    planned_n: float,
    maximum_n: float | None = None,
    alpha: float = 0.05,
    one_sided: bool = False,
) -> Numbers:
    """Half-width of the sequence in standard errors when ``n`` units have come."""
    ratio = plan_ratio(planned_n, maximum_n)
    score = critical_score(
        alpha=alpha * (1.0 - MIXTURE_SHARE), maximum_ratio=ratio, one_sided=one_sided
    )
    planned = np.where(
        n <= ratio * planned_n, score / np.sqrt(np.minimum(1.0, n / planned_n)), np.inf
    )
    r = mixture_ratio(n, planned_n=planned_n, alpha=alpha)
    mixture_alpha = alpha * MIXTURE_SHARE
    if one_sided:
        return np.minimum(planned, one_sided_critical_value(r, alpha=mixture_alpha))
    return np.minimum(planned, critical_value(r, alpha=mixture_alpha))


def plan_p_value(
    z: Numbers,
    n: Numbers,
    *,
    planned_n: float,
    maximum_n: float | None = None,
    alpha: float = 0.05,
    one_sided: bool = False,
) -> Numbers:
    """Anytime-valid p of one look: below ``alpha`` exactly when the sequence excludes zero."""
    ratio = plan_ratio(planned_n, maximum_n)
    size = z if one_sided else np.abs(z)
    score = size * np.sqrt(np.minimum(1.0, n / planned_n))
    chance = crossing_probability(score, maximum_ratio=ratio, one_sided=one_sided)
    planned = np.where(n <= ratio * planned_n, chance / (1.0 - MIXTURE_SHARE), 1.0)
    r = mixture_ratio(n, planned_n=planned_n, alpha=alpha)
    log_e = one_sided_log_e_value(z, r) if one_sided else log_e_value(z, r)
    return np.minimum(1.0, np.minimum(planned, np.exp(-log_e) / MIXTURE_SHARE))


def mixture_ratio(n: Numbers, *, planned_n: float, alpha: float) -> Numbers:
    """How much of the mixture's own time has passed."""
    tuning = tuned_variance(planned_n=MIXTURE_TUNED_AT * planned_n, alpha=alpha * MIXTURE_SHARE)
    return n * tuning


def sample_size_inflation(
    *, alpha: float = 0.05, power: float = 0.8, maximum_ratio: float = DEFAULT_MAXIMUM_RATIO
) -> float:
    """Planned total over the fixed-horizon total, for the same power at the planned total.

    From the first passage of a Brownian motion with drift (Siegmund 1985, eq. 3.13); the mixture
    is left out, so the true factor is a little smaller.
    """
    from scipy.special import ndtri

    score = critical_score(alpha=alpha * (1.0 - MIXTURE_SHARE), maximum_ratio=maximum_ratio)
    fixed = float(ndtri(power) - ndtri(alpha / 2.0))
    low, high = 0.1, 40.0
    for _ in range(100):
        drift = 0.5 * (low + high)
        low, high = (drift, high) if passage(drift, score) < power else (low, drift)
    return (high / fixed) ** 2


def passage(drift: float, score: float) -> float:
    """Chance that Brownian motion with ``drift`` passes ``score`` before time 1."""
    from scipy.special import log_ndtr

    reflected = math.exp(2.0 * drift * score + float(log_ndtr(-score - drift)))
    return float(ndtr(drift - score)) + reflected
