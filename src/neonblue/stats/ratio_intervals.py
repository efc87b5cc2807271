"""Intervals of risk ratios and odds ratios of two proportions, from counts."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, get_args

from scipy.special import ndtri

from neonblue.errors import InvalidInputError
from neonblue.stats.comparison import check_alpha
from neonblue.stats.proportions import Counts, crossing

RatioMethod = Literal["log", "log-adjusted", "score"]
OddsMethod = Literal["logit", "logit-adjusted", "score"]
MAX_LOG = 100.0
SMALLEST = 1e-10


def risk_ratio_interval(
    counts: Counts, *, method: RatioMethod = "log", alpha: float = 0.05
) -> tuple[float, float]:
    """Limits of p_treatment / p_control; 0 and infinity where a count of 0 leaves it open.

    Katz et al. (1978): log(p_t / p_c) -+ z sqrt(1 / x_t - 1 / n_t + 1 / x_c - 1 / n_c), z = the 1
    - alpha / 2 quantile; ``log-adjusted`` after half a success more (Walter 1976). ``score``: the
    r with |z(r)| = z, z(r)^2 = (p_t - r p_c)^2 / (v(r) N / (N - 1)) (Miettinen and Nurminen 1985,
    eq. 10). Raises ``InvalidInputError``.
    """
    check_alpha(alpha)
    if method == "score":
        return _by_score(counts, alpha, _ratio_score, _ratio(counts.p_treatment, counts.p_control))
    more = _more(method, RatioMethod, "log-adjusted")
    x, n = counts.successes_treatment + more, counts.n_treatment + more
    y, m = counts.successes_control + more, counts.n_control + more
    if x == 0.0 or y == 0.0:
        return 0.0, math.inf
    return _around(math.log(x / n / (y / m)), 1.0 / x - 1.0 / n + 1.0 / y - 1.0 / m, alpha)


def odds_ratio_interval(
    counts: Counts, *, method: OddsMethod = "logit", alpha: float = 0.05
) -> tuple[float, float]:
    """Limits of the odds ratio; 0 and infinity where a count of 0 leaves it open.

    Woolf (1955): log OR -+ z sqrt(1 / a + 1 / b + 1 / c + 1 / d), z = the 1 - alpha / 2 quantile;
    ``logit-adjusted`` after half a success and half a failure more (Gart 1966). ``score``: the
    odds ratio whose score statistic is z (Miettinen and Nurminen 1985, eq. 13). Raises
    ``InvalidInputError``.
    """
    check_alpha(alpha)
    cells = [float(cell) for row in counts.table for cell in row]
    if method == "score":
        estimate = _ratio(cells[0] * cells[3], cells[1] * cells[2])
        return _by_score(counts, alpha, _odds_score, estimate)
    more = _more(method, OddsMethod, "logit-adjusted")
    a, b, c, d = (cell + more for cell in cells)
    if min(a, b, c, d) == 0.0:
        return 0.0, math.inf
    return _around(math.log(a / b / (c / d)), 1.0 / a + 1.0 / b + 1.0 / c + 1.0 / d, alpha)


def _more(method: str, known: object, adjusted: str) -> float:
    if method not in get_args(known):
        raise InvalidInputError(f"method {method!r} is not one of {get_args(known)!r}")
    return 0.5 if method == adjusted else 0.0


def _around(middle: float, variance: float, alpha: float) -> tuple[float, float]:
    half = -float(ndtri(alpha / 2.0)) * math.sqrt(variance)
    return math.exp(middle - half), math.exp(middle + half)


def _ratio(above: float, below: float) -> float:
    if below:
        return above / below
    return math.inf if above else 1.0


def _by_score(
    counts: Counts, alpha: float, score: Callable[[Counts, float], float], estimate: float
) -> tuple[float, float]:
    """Where the score passes its critical value on either side of the estimate, on the log."""
    reach = -float(ndtri(alpha / 2.0))
    centre = min(max(math.log(estimate) if estimate else -MAX_LOG, -MAX_LOG), MAX_LOG)
    lower = crossing(lambda log: score(counts, math.exp(log)) > reach, -MAX_LOG, centre)
    upper = crossing(lambda log: score(counts, math.exp(log)) >= -reach, centre, MAX_LOG)
    return (
        0.0 if counts.successes_treatment == 0 else math.exp(lower),
        math.inf if counts.successes_control == 0 else math.exp(upper),
    )


def _ratio_score(counts: Counts, ratio: float) -> float:
    n0, n1, total = counts.n_control, counts.n_treatment, counts.n_control + counts.n_treatment
    successes = counts.successes_control + counts.successes_treatment
    a = total * ratio
    b = n1 * ratio + counts.successes_treatment + n0 + counts.successes_control * ratio
    # The smaller root of a p^2 - b p + successes, without cancellation.
    p0 = 2.0 * successes / (b + math.sqrt(max(b * b - 4.0 * a * successes, 0.0)))
    p1 = min(p0 * ratio, 1.0)
    variance = p1 * (1.0 - p1) / n1 + ratio**2 * p0 * (1.0 - p0) / n0
    distance = counts.p_treatment - ratio * counts.p_control
    return _standardised(distance, variance * total / (total - 1.0))


def _odds_score(counts: Counts, odds: float) -> float:
    n0, n1, total = counts.n_control, counts.n_treatment, counts.n_control + counts.n_treatment
    successes = counts.successes_control + counts.successes_treatment
    a = n0 * (odds - 1.0)
    b = n1 * odds + n0 - successes * (odds - 1.0)
    # The positive root of a p^2 + b p - successes, without cancellation.
    root = math.sqrt(max(b * b + 4.0 * a * successes, 0.0))
    p0 = 2.0 * successes / (b + root) if b >= 0.0 else (root - b) / (2.0 * a)
    p0 = min(max(p0, SMALLEST), 1.0 - SMALLEST)
    p1 = min(max(p0 * odds / (1.0 + p0 * (odds - 1.0)), SMALLEST), 1.0 - SMALLEST)
    v0, v1 = p0 * (1.0 - p0), p1 * (1.0 - p1)
    variance = (1.0 / (v1 * n1) + 1.0 / (v0 * n0)) * total / (total - 1.0)
    distance = (counts.p_treatment - p1) / v1 - (counts.p_control - p0) / v0
    return _standardised(distance, variance)


def _standardised(distance: float, variance: float) -> float:
    if variance <= 0.0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)
