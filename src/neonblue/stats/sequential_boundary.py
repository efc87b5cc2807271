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
"Sequential Analysis", chapter 4) for |B(t)| / sqrt(t), with k(R) = 2.1 sqrt(1 - 1/R) chosen so that
the whole is above the probability by numerical integration for R up to 8 (a test repeats that).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy.special import ndtr

from neonblue.stats.sequential_mixture import (
    Numbers,
    one_sided_critical_value,
    one_sided_log_e_value,
    tuned_variance,
)

ROOT_TWO, ROOT_TWO_PI = math.sqrt(2.0), math.sqrt(2.0 * math.pi)
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
    """Bound on the chance that the scaled score (float or array) is ever passed.

    Siegmund (1985), chapter 4: the module's formula 4 (1 - Phi(x)) + phi(x) [(x - 1/x) ln R +
    k(R) / x]; half of it one-sided.
    """
    if isinstance(score, np.ndarray):
        x = np.maximum(score, LEAST_SCORE)
        bound = _bound(x, 4.0 * ndtr(-x), np.exp(-0.5 * x * x), maximum_ratio, one_sided)
        return np.where(score < LEAST_SCORE, 1.0, np.minimum(bound, 1.0))
    if score < LEAST_SCORE:
        return 1.0
    tail = 2.0 * math.erfc(score / ROOT_TWO)
    return min(1.0, _bound(score, tail, math.exp(-0.5 * score * score), maximum_ratio, one_sided))


def _bound(
    x: Numbers, tail: Numbers, kernel: Numbers, maximum_ratio: float, one_sided: bool
) -> Numbers:
    """The module's formula; ``tail`` is 4 (1 - Phi(x)) and ``kernel`` phi(x) sqrt(2 pi)."""
    flat = (x - 1.0 / x) * math.log(maximum_ratio) + excess(maximum_ratio) / x
    bound = tail + kernel / ROOT_TWO_PI * flat
    return 0.5 * bound if one_sided else bound


def excess(maximum_ratio: float) -> float:
    """k(R) of the module's formula.

    Ours: k(R) = 2.1 sqrt(1 - 1 / R), fitted so that the bound holds (a test integrates it).
    """
    return 2.1 * math.sqrt(1.0 - 1.0 / maximum_ratio)


@lru_cache(maxsize=256)
def critical_score(*, alpha: float, maximum_ratio: float, one_sided: bool = False) -> float:
    """The scaled score whose crossing probability is ``alpha``, by bisection.

    Definition: the root x of ``crossing_probability(x)`` = alpha.
    """
    low, high = LEAST_SCORE, 40.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        chance = crossing_probability(middle, maximum_ratio=maximum_ratio, one_sided=one_sided)
        low, high = (middle, high) if chance > alpha else (low, middle)
    return high


def plan_ratio(planned_n: float, maximum_n: float | None) -> float:
    """R: the maximum over the planned total, between 1 and the largest that is tabulated.

    Definition: R = maximum_n / planned_n.
    """
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
    mixture_n: float | None = None,
) -> Numbers:
    """Half-width of the sequence in standard errors when ``n`` units (float or array) came.

    ``maximum_n`` None means twice the plan; infinite means that there is no plan to lean on, and
    gives the plain mixture tuned to ``planned_n``. ``mixture_n`` is the mixture's own time where
    that is not ``n`` (``sequential_time``).

    O'Brien and Fleming's (1979) shape c / sqrt(n / N*) up to the plan, Pocock's (1977) c up to
    the maximum, each at 90 % of alpha by Siegmund (1985), and Robbins's (1970) mixture at 10 %:
    the least.
    """
    if isinstance(n, np.ndarray):
        widths = [
            plan_critical_value(
                float(count),
                planned_n=planned_n,
                maximum_n=maximum_n,
                alpha=alpha,
                one_sided=one_sided,
            )
            for count in n.ravel()
        ]
        return np.array(widths).reshape(n.shape)
    if maximum_n == math.inf:
        open_ratio = n * tuned_variance(planned_n=planned_n, alpha=alpha)
        return _mixture_critical_value(open_ratio, alpha=alpha, one_sided=one_sided)
    ratio = plan_ratio(planned_n, maximum_n)
    mixture = _mixture_critical_value(
        mixture_ratio(n if mixture_n is None else mixture_n, planned_n=planned_n, alpha=alpha),
        alpha=alpha * MIXTURE_SHARE,
        one_sided=one_sided,
    )
    if n > ratio * planned_n:
        return mixture
    score = critical_score(
        alpha=alpha * (1.0 - MIXTURE_SHARE), maximum_ratio=ratio, one_sided=one_sided
    )
    return min(mixture, score / math.sqrt(min(1.0, n / planned_n)))


def plan_p_value(
    z: Numbers,
    n: float,
    *,
    planned_n: float,
    maximum_n: float | None = None,
    alpha: float = 0.05,
    one_sided: bool = False,
    mixture_n: float | None = None,
) -> Numbers:
    """Anytime-valid p of one look: below ``alpha`` exactly when the sequence excludes zero.

    ``z`` is a float, or an array of statistics that were all looked at with ``n`` units.

    The inverse of ``plan_critical_value``: p = min(crossing(|z| sqrt(min(1, n / N*))) / 0.9, 1
    / (0.1 e)) (Siegmund 1985; Robbins 1970).
    """
    if maximum_n == math.inf:
        r = n * tuned_variance(planned_n=planned_n, alpha=alpha)
        return _mixture_p_value(z, r, 1.0, one_sided)
    ratio = plan_ratio(planned_n, maximum_n)
    own_n = n if mixture_n is None else mixture_n
    r = mixture_ratio(own_n, planned_n=planned_n, alpha=alpha)
    mixture = _mixture_p_value(z, r, MIXTURE_SHARE, one_sided)
    if n > ratio * planned_n:
        return mixture
    score = (z if one_sided else abs(z)) * math.sqrt(min(1.0, n / planned_n))
    chance = crossing_probability(score, maximum_ratio=ratio, one_sided=one_sided)
    planned = chance / (1.0 - MIXTURE_SHARE)
    if isinstance(z, np.ndarray):
        return np.minimum(mixture, planned)
    return min(mixture, planned)


def _mixture_p_value(z: Numbers, r: float, share: float, one_sided: bool) -> Numbers:
    """1 / e of the mixture over its share of alpha, at most 1."""
    log_e = one_sided_log_e_value(z, r) if one_sided else z * z * r / (2 + 2 * r) - _half_log(r)
    if isinstance(z, np.ndarray):
        return np.minimum(1.0, np.exp(np.minimum(-log_e, 0.0)) / share)
    return min(1.0, math.exp(min(0.0, -float(log_e))) / share)


def _half_log(r: float) -> float:
    return 0.5 * math.log1p(r)


def _mixture_critical_value(r: float, *, alpha: float, one_sided: bool) -> float:
    if one_sided:
        return float(one_sided_critical_value(r, alpha=alpha))
    return math.sqrt((1.0 + 1.0 / r) * 2.0 * (_half_log(r) - math.log(alpha)))


def mixture_ratio(n: Numbers, *, planned_n: float, alpha: float) -> Numbers:
    """How much of the mixture's own time has passed.

    Robbins (1970): r = n rho^2, rho^2 tuned to N* / 10 at alpha / 10.
    """
    tuning = tuned_variance(planned_n=MIXTURE_TUNED_AT * planned_n, alpha=alpha * MIXTURE_SHARE)
    return n * tuning
