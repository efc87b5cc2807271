"""Intervals and tests for two proportions beyond the z-test: small counts and rates near 0 or 1.

Exact tests come from scipy, imported on first use (2 s), as none of this is on the path of an
ordinary analysis. Ratios and odds ratios are in ``ratio_intervals``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from scipy.special import betainccinv, betaincinv, chdtrc, ndtr, ndtri

from neonblue.errors import InvalidInputError
from neonblue.stats.comparison import Alternative, check_alpha

DifferenceMethod = Literal[
    "wald", "yates", "newcomb", "miettinen-nurminen", "score", "agresti-caffo"
]
OneMethod = Literal["normal", "wilson", "agresti_coull", "jeffreys", "beta"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Successes out of n in control and treatment; raises ``InvalidInputError`` if impossible."""

    successes_control: float
    n_control: float
    successes_treatment: float
    n_treatment: float

    def __post_init__(self) -> None:
        for successes, n in (
            (self.successes_control, self.n_control),
            (self.successes_treatment, self.n_treatment),
        ):
            if not (n > 0 and 0 <= successes <= n):
                raise InvalidInputError(
                    f"{successes!r} successes of {n!r} units: need n > 0 and 0 to n successes"
                )

    @property
    def p_control(self) -> float:
        return self.successes_control / self.n_control

    @property
    def p_treatment(self) -> float:
        return self.successes_treatment / self.n_treatment

    @property
    def table(self) -> list[list[float]]:
        """[[treatment successes, control successes], [treatment failures, control failures]]."""
        return [
            [self.successes_treatment, self.successes_control],
            [
                self.n_treatment - self.successes_treatment,
                self.n_control - self.successes_control,
            ],
        ]


def difference_interval(
    counts: Counts, *, method: DifferenceMethod = "newcomb", alpha: float = 0.05
) -> tuple[float, float]:
    """Limits of p_treatment - p_control.

    ``newcomb``: Newcombe (1998), method 10; ``miettinen-nurminen``: their score interval (1985);
    ``agresti-caffo``: Agresti and Caffo (2000); ``yates``: Wald widened by Yates' correction.
    ``score`` is statsmodels' version of the score interval, to agree with it: one coefficient of
    its cubic has control's successes for its units, so that it depends on which variant comes
    first, by 0.05 with 30 units each.

    Newcombe: d - sqrt((p_t - l_t)^2 + (u_c - p_c)^2) with Wilson limits l, u. Agresti-Caffo:
    Wald after one more success and failure each. Score: the d with |z(d)| = z, z(d)^2 = (p_t -
    p_c - d)^2 / (v(d) N / (N - 1)).
    """
    check_alpha(alpha)
    if method in ("miettinen-nurminen", "score"):
        return _score_interval(counts, alpha, swapped=method == "score")
    if method in ("wald", "yates"):
        return _wald(counts, alpha, continuity=method == "yates")
    if method == "newcomb":
        return _newcombe(counts, alpha)
    if method != "agresti-caffo":
        raise InvalidInputError(f"method {method!r} is not one of {get_args(DifferenceMethod)!r}")
    return _agresti_caffo(counts, alpha)


def proportion_interval(
    successes: float, n: float, *, method: OneMethod = "wilson", alpha: float = 0.05
) -> tuple[float, float]:
    """Limits of one proportion; ``beta`` is Clopper and Pearson's exact interval.

    Wilson (1927): (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n); Clopper
    and Pearson (1934): the p with P(X >= x) = alpha / 2 and P(X <= x) = alpha / 2; Agresti and
    Coull (1998): Wald after z^2 / 2 more successes and failures; Jeffreys: quantiles of beta(x +
    1/2, n - x + 1/2) (Brown, Cai and DasGupta 2001, eq. 6). Raises ``InvalidInputError``.
    """
    check_alpha(alpha)
    if not (n > 0 and 0 <= successes <= n):
        raise InvalidInputError(f"{successes!r} successes of {n!r}: need n > 0, 0 to n successes")
    if method in ("beta", "jeffreys"):
        more = 0.5 if method == "jeffreys" else 0.0
        return _beta_limits(successes, n, alpha, more)
    reach = -float(ndtri(alpha / 2.0))
    if method == "normal":
        p = successes / n
        middle, half = p, reach * math.sqrt(p * (1.0 - p) / n)
    elif method == "wilson":
        middle, half = _wilson(successes, n, reach)
    elif method == "agresti_coull":
        size = n + reach**2
        middle = (successes + reach**2 / 2.0) / size
        half = reach * math.sqrt(middle * (1.0 - middle) / size)
    else:
        raise InvalidInputError(f"method {method!r} is not one of {get_args(OneMethod)!r}")
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _wilson(successes: float, n: float, reach: float) -> tuple[float, float]:
    """Middle and half width."""
    p = successes / n
    size = 1.0 + reach**2 / n
    half = reach * math.sqrt(p * (1.0 - p) / n + reach**2 / (4.0 * n**2)) / size
    return (p + reach**2 / (2.0 * n)) / size, half


def _beta_limits(successes: float, n: float, alpha: float, more: float) -> tuple[float, float]:
    """Quantiles of beta laws; ``more`` is 0 for Clopper and Pearson, 1/2 for Jeffreys."""
    failures = n - successes
    if more:
        return (
            float(betaincinv(successes + more, failures + more, alpha / 2.0)),
            float(betainccinv(successes + more, failures + more, alpha / 2.0)),
        )
    lower = betaincinv(successes, failures + 1.0, alpha / 2.0) if successes else 0.0
    upper = betainccinv(successes + 1.0, failures, alpha / 2.0) if failures else 1.0
    return float(lower), float(upper)


def yates_p_value(counts: Counts, *, alternative: Alternative = "two-sided") -> float:
    """p of the chi-square test with Yates' continuity correction (1934).

    chi^2 = N (|ad - bc| - N / 2)^2 / (product of the margins).
    """
    z = yates_statistic(counts)
    if alternative == "two-sided":
        return float(chdtrc(1.0, z * z))
    return float(ndtr(-z if alternative == "greater" else z))


def yates_statistic(counts: Counts) -> float:
    """The corrected z: its square is the corrected chi-square. 0 where nothing varies.

    Yates (1934): z = (|p_t - p_c| - (1 / n_t + 1 / n_c) / 2) / sqrt(p (1 - p) (1 / n_t + 1 /
    n_c)).
    """
    difference = counts.p_treatment - counts.p_control
    total = counts.n_control + counts.n_treatment
    pooled = (counts.successes_control + counts.successes_treatment) / total
    variance = pooled * (1.0 - pooled) * (1.0 / counts.n_control + 1.0 / counts.n_treatment)
    if variance <= 0.0:
        return 0.0
    return math.copysign((abs(difference) - _yates(counts)) / math.sqrt(variance), difference)


def fisher_p_value(counts: Counts, *, alternative: Alternative = "two-sided") -> float:
    """Fisher's exact test, conditional on both margins.

    Fisher (1935), by scipy: p = sum of hypergeometric probabilities not above the observed
    table's.
    """
    from scipy.stats import fisher_exact

    return float(fisher_exact(counts.table, alternative=alternative)[1])


def barnard_p_value(
    counts: Counts, *, pooled: bool = True, alternative: Alternative = "two-sided"
) -> float:
    """Barnard's unconditional exact test (1945), with the Wald statistic; for small counts.

    p = the maximum over the common proportion of P(|z| >= the observed |z|), by scipy.
    """
    from scipy.stats import barnard_exact

    # scipy reads "less" as: the first column's proportion is the smaller one.
    found = barnard_exact(counts.table, pooled=pooled, alternative=alternative)
    return float(found.pvalue)


def _yates(counts: Counts) -> float:
    """The correction, never more than the difference itself (as R does)."""
    difference = abs(counts.p_treatment - counts.p_control)
    step = 0.5 / counts.n_control + 0.5 / counts.n_treatment
    return min(step, difference)


def _wald(counts: Counts, alpha: float, *, continuity: bool) -> tuple[float, float]:
    a, b = counts.p_control, counts.p_treatment
    error = math.sqrt(a * (1.0 - a) / counts.n_control + b * (1.0 - b) / counts.n_treatment)
    half = -float(ndtri(alpha / 2.0)) * error + (_yates(counts) if continuity else 0.0)
    return max(b - a - half, -1.0), min(b - a + half, 1.0)


def _newcombe(counts: Counts, alpha: float) -> tuple[float, float]:
    reach = -float(ndtri(alpha / 2.0))
    a, half_a = _wilson(counts.successes_control, counts.n_control, reach)
    b, half_b = _wilson(counts.successes_treatment, counts.n_treatment, reach)
    p, q = counts.p_treatment, counts.p_control
    below = math.hypot(p - max(b - half_b, 0.0), min(a + half_a, 1.0) - q)
    above = math.hypot(q - max(a - half_a, 0.0), min(b + half_b, 1.0) - p)
    return p - q - below, p - q + above


def _agresti_caffo(counts: Counts, alpha: float) -> tuple[float, float]:
    a = (counts.successes_control + 1.0) / (counts.n_control + 2.0)
    b = (counts.successes_treatment + 1.0) / (counts.n_treatment + 2.0)
    variance = a * (1.0 - a) / (counts.n_control + 2.0)
    variance += b * (1.0 - b) / (counts.n_treatment + 2.0)
    half = -float(ndtri(alpha / 2.0)) * math.sqrt(variance)
    return b - a - half, b - a + half


def _score_interval(counts: Counts, alpha: float, *, swapped: bool) -> tuple[float, float]:
    """Where the score statistic passes its critical value, by bisection."""
    reach = -float(ndtri(alpha / 2.0))
    difference = counts.p_treatment - counts.p_control
    lower = crossing(lambda d: _score(counts, d, swapped) > reach, -1.0, difference)
    upper = crossing(lambda d: _score(counts, d, swapped) >= -reach, difference, 1.0)
    return lower, upper


def crossing(before: Callable[[float], bool], low: float, high: float) -> float:
    """Where ``before`` turns false between two numbers. Definition: bisection, in 60 steps."""
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if before(middle) else (low, middle)
    return 0.5 * (low + high)


def _score(counts: Counts, difference: float, swapped: bool) -> float:
    """Score statistic of p_treatment - p_control = difference, with the n / (n - 1) correction."""
    total = counts.n_control + counts.n_treatment
    a = _restricted(counts, difference, swapped)
    b = a + difference
    least = -math.inf if swapped else 0.0
    variance = max(a * (1.0 - a), least) / counts.n_control
    variance += max(b * (1.0 - b), least) / counts.n_treatment
    distance = counts.p_treatment - counts.p_control - difference
    if variance <= 0.0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance * total / (total - 1.0))


def _restricted(counts: Counts, d: float, swapped: bool) -> float:
    """Likeliest control proportion given the difference: the cubic of Miettinen and Nurminen,
    solved as Farrington and Manning (1990), appendix. ``swapped`` is statsmodels' cubic."""
    n0, n1 = counts.n_control, counts.n_treatment
    x0, successes = counts.successes_control, counts.successes_control + counts.successes_treatment
    total = n0 + n1
    l2 = (n1 + 2.0 * n0) * d - total - successes
    l1 = ((x0 if swapped else n0) * d - total - 2.0 * x0) * d + successes
    l0 = x0 * d * (1.0 - d)
    q = (l2 / (3.0 * total)) ** 3 - l1 * l2 / (6.0 * total**2) + l0 / (2.0 * total)
    p = math.sqrt(max((l2 / (3.0 * total)) ** 2 - l1 / (3.0 * total), 0.0))
    p = math.copysign(p, q)
    ratio = 0.0 if p == 0.0 else min(max(q / p**3, -1.0), 1.0)
    angle = (math.pi + math.acos(ratio)) / 3.0
    found = 2.0 * p * math.cos(angle) - l2 / (3.0 * total)
    return found if swapped else min(max(found, 0.0, -d), 1.0, 1.0 - d)


def barnard_statistic(counts: Counts, *, pooled: bool = True) -> float:
    """The Wald statistic that orders Barnard's tables: a z-test, pooled or not.

    Barnard (1945): z = (p_t - p_c) / sqrt(p (1 - p) (1 / n_t + 1 / n_c)), or with both
    variances.
    """
    a, b = counts.p_treatment, counts.p_control
    if pooled:
        total = counts.n_control + counts.n_treatment
        p = (counts.successes_control + counts.successes_treatment) / total
        variance = p * (1.0 - p) * (1.0 / counts.n_control + 1.0 / counts.n_treatment)
    else:
        variance = a * (1.0 - a) / counts.n_treatment + b * (1.0 - b) / counts.n_control
    return (a - b) / math.sqrt(variance) if variance > 0.0 else 0.0


def boschloo_p_value(counts: Counts, *, alternative: Alternative = "two-sided") -> float:
    """Boschloo's unconditional exact test (1970): never less powerful than Fisher's.

    p = the maximum over the common proportion of P(Fisher's p <= the observed one), by scipy.
    """
    from scipy.stats import boschloo_exact

    return float(boschloo_exact(counts.table, alternative=alternative).pvalue)


def fisher_odds_ratio(
    counts: Counts, *, conditional: bool = True, alpha: float = 0.05
) -> tuple[float, tuple[float, float]]:
    """Odds ratio and limits: the conditional maximum likelihood one (as R), or the plain one.

    Cornfield (1956): the odds ratio with E[x | margins] = x under the noncentral hypergeometric
    law.
    """
    from scipy.stats.contingency import odds_ratio

    table = [[int(cell) for cell in row] for row in counts.table]
    found = odds_ratio(table, kind="conditional" if conditional else "sample")
    limits = found.confidence_interval(confidence_level=1.0 - alpha)
    return float(found.statistic), (float(limits.low), float(limits.high))
