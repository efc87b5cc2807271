"""Power, sample size and least detectable effect of a comparison, for every metric kind.

Means, ratios and quantiles share one formula: a difference of two means of units with a standard
deviation (a ratio's is the linearised one, a quantile's its standard error times the root of n);
the reference is the noncentral t. Proportions have their variance tied to their mean; under the
null it is pooled (Fleiss, Levin, Paik 2003, eq. 4.14). ``ratio`` is treatment units per control
unit. Effects are absolute, in units of the metric; sizes are floats: round them up at the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from scipy.special import nctdtr, ndtr, ndtri, stdtrit

from neonblue.errors import InvalidInputError

Sides = Literal[1, 2]
MOST_UNITS = 1e15


def mean_power(
    effect: float,
    *,
    sd: float,
    n_control: float,
    n_treatment: float,
    sd_treatment: float | None = None,
    alpha: float = 0.05,
    sides: Sides = 2,
    margin: float = 0.0,
    both_tails: bool = True,
) -> float:
    """Chance that a t-test finds ``effect``; with ``margin`` that it shows effect > -margin.

    ``both_tails`` counts rejections on the wrong side too (R's ``strict``).

    Cohen (1988), chapter 2: noncentral t with delta = (effect + margin) / sqrt(sd_c^2 / n_c +
    sd_t^2 / n_t) and n_c + n_t - 2 degrees of freedom, Welch's (1947) where the deviations
    differ.
    """
    _check(alpha, sides)
    if min(n_control, n_treatment) < 2 or not sd > 0.0:
        raise InvalidInputError(
            f"power needs 2 units a variant and sd above 0, not {n_control!r}, {n_treatment!r}, "
            f"{sd!r}"
        )
    other = sd if sd_treatment is None else sd_treatment
    a, b = sd * sd / n_control, other * other / n_treatment
    df = n_control + n_treatment - 2.0
    if sd_treatment is not None:
        df = (a + b) ** 2 / (a * a / (n_control - 1.0) + b * b / (n_treatment - 1.0))
    return t_power(
        (effect + margin) / math.sqrt(a + b), df, alpha=alpha, sides=sides, both_tails=both_tails
    )


def mean_sample_size(
    effect: float,
    *,
    sd: float,
    sd_treatment: float | None = None,
    alpha: float = 0.05,
    power: float = 0.8,
    sides: Sides = 2,
    ratio: float = 1.0,
    margin: float = 0.0,
) -> float:
    """Control units for ``power``; the treatment takes ``ratio`` times as many.

    Cohen (1988), chapter 2: the n with power(n) = ``power``, noncentral t.
    """
    _check_target(effect + margin, power, ratio, alpha)

    def reached(n: float) -> float:
        return mean_power(
            effect,
            sd=sd,
            sd_treatment=sd_treatment,
            n_control=n,
            n_treatment=n * ratio,
            alpha=alpha,
            sides=sides,
            margin=margin,
        )

    least = max(2.0, 2.0 / ratio) * (1.0 + 1e-12)
    return first_reaching(reached, power, least, f"effect {effect!r}")


def mean_mde(
    *,
    sd: float,
    n_control: float,
    n_treatment: float,
    sd_treatment: float | None = None,
    alpha: float = 0.05,
    power: float = 0.8,
    sides: Sides = 2,
) -> float:
    """Least absolute effect that is found with ``power``.

    Cohen (1988), chapter 2: the effect with power(effect) = ``power``, noncentral t.
    """

    def reached(effect: float) -> float:
        return mean_power(
            effect,
            sd=sd,
            sd_treatment=sd_treatment,
            n_control=n_control,
            n_treatment=n_treatment,
            alpha=alpha,
            sides=sides,
        )

    return first_reaching(reached, power, 0.0, "the sample size")


def proportion_power(
    p_control: float,
    p_treatment: float,
    *,
    n_control: float,
    n_treatment: float,
    alpha: float = 0.05,
    sides: Sides = 2,
    pooled_null: bool = True,
    both_tails: bool = False,
    margin: float = 0.0,
) -> float:
    """Chance that the z-test tells two proportions apart.

    ``both_tails`` counts rejections on the wrong side too (R's ``strict``). With ``margin`` the
    test is of p_treatment > p_control - margin and uses the unpooled variance.

    Fleiss, Levin, Paik (2003), section 4.2: Phi((|p_t - p_c| - z se_0) / se_1) with se_0^2 = p
    (1 - p) (1 / n_c + 1 / n_t), se_1^2 = p_c (1 - p_c) / n_c + p_t (1 - p_t) / n_t.
    """
    _check(alpha, sides)
    null_error, error = _proportion_errors(
        p_control, p_treatment, n_control, n_treatment, pooled_null=pooled_null and margin == 0.0
    )
    reach = -float(ndtri(alpha / sides)) * null_error
    distance = p_treatment - p_control + margin
    distance = abs(distance) if margin == 0.0 else distance
    if error <= 0.0:
        return 1.0 if distance > reach else 0.0
    found = float(ndtr((distance - reach) / error))
    if both_tails and sides == 2:
        found += float(ndtr((-distance - reach) / error))
    return found


def proportion_sample_size(
    p_control: float,
    p_treatment: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    sides: Sides = 2,
    ratio: float = 1.0,
    pooled_null: bool = True,
    margin: float = 0.0,
) -> float:
    """Control units for ``power``: Fleiss, Levin, Paik (2003), eq. 4.17 for any ratio.

    n_c = ((z_a sqrt(p (1 - p) (1 + 1/r)) + z_b sqrt(p_c (1 - p_c) + p_t (1 - p_t) / r)) / (p_t
    - p_c))^2.
    """
    distance = p_treatment - p_control + margin
    _check_target(distance, power, ratio, alpha)
    _check(alpha, sides)
    null_error, error = _proportion_errors(
        p_control, p_treatment, 1.0, ratio, pooled_null=pooled_null and margin == 0.0
    )
    reach = -float(ndtri(alpha / sides)) * null_error + float(ndtri(power)) * error
    return (reach / distance) ** 2


def proportion_mde(
    p_control: float,
    *,
    n_control: float,
    n_treatment: float,
    alpha: float = 0.05,
    power: float = 0.8,
    sides: Sides = 2,
    pooled_null: bool = True,
    increase: bool = True,
) -> float:
    """Least change of the proportion (signed) that is found with ``power``.

    Fleiss, Levin, Paik (2003): the p_t with ``proportion_power`` = ``power``.
    """
    _check_share(p_control)
    sign, room = (1.0, 1.0 - p_control) if increase else (-1.0, p_control)

    def reached(change: float) -> float:
        return proportion_power(
            p_control,
            p_control + sign * change,
            n_control=n_control,
            n_treatment=n_treatment,
            alpha=alpha,
            sides=sides,
            pooled_null=pooled_null,
        )

    if reached(room) < power:
        raise InvalidInputError(
            f"{n_control!r} and {n_treatment!r} units cannot find any change of {p_control!r} with "
            f"power {power!r}: plan more units"
        )
    return sign * _bisect(reached, power, 0.0, room)


def guardrail_power(power: float, guardrails: int) -> float:
    """Power that each guardrail needs so that all pass together with ``power``.

    beta / (G + 1) each, as all G guardrails and one success metric must come out right
    (Schultzberg, Ankargren, Frånberg 2024, corollary 1).

    power_g = 1 - beta / (G + 1).
    """
    if guardrails < 0:
        raise InvalidInputError(f"guardrails {guardrails!r} must be 0 or more")
    return 1.0 - (1.0 - power) / (guardrails + 1.0)


def _proportion_errors(
    a: float, b: float, n_a: float, n_b: float, *, pooled_null: bool
) -> tuple[float, float]:
    """Standard errors of the difference under the null and the alternative."""
    _check_share(a)
    _check_share(b)
    if min(n_a, n_b) <= 0.0:
        raise InvalidInputError(f"units {n_a!r} and {n_b!r} must be above 0 in both variants")
    error = math.sqrt(a * (1.0 - a) / n_a + b * (1.0 - b) / n_b)
    if not pooled_null:
        return error, error
    p = (n_a * a + n_b * b) / (n_a + n_b)
    return math.sqrt(p * (1.0 - p) * (1.0 / n_a + 1.0 / n_b)), error


def t_power(
    noncentrality: float, df: float, *, alpha: float, sides: Sides = 2, both_tails: bool = True
) -> float:
    """Chance that a t statistic with this noncentrality is significant; normal for df of inf.

    Cohen (1988), chapter 2: P(T > t_(1 - alpha/2)) + P(T < -t_(1 - alpha/2)), T = noncentral t.
    """
    if df > 1e6:
        reach = -float(ndtri(alpha / sides) if math.isinf(df) else stdtrit(df, alpha / sides))
        upper, lower = ndtr(noncentrality - reach), ndtr(-noncentrality - reach)
    else:
        reach = -float(stdtrit(df, alpha / sides))
        upper, lower = nctdtr(df, -noncentrality, -reach), nctdtr(df, noncentrality, -reach)
    found = float(upper) + (float(lower) if sides == 2 and both_tails else 0.0)
    return found if math.isfinite(found) else float(ndtr(noncentrality - reach))


def first_reaching(reached: Callable[[float], float], power: float, least: float, of: str) -> float:
    """Least argument at which an increasing function reaches ``power``.

    Definition: a root, by doubling and bisection.
    """
    if reached(least) >= power:
        return least
    high = max(1.0, 2.0 * least)
    while reached(high) < power:
        high *= 2.0
        if high > MOST_UNITS:
            raise InvalidInputError(f"no number of units finds {of} with power {power!r}")
    return _bisect(reached, power, least, high)


def _bisect(reached: Callable[[float], float], power: float, low: float, high: float) -> float:
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if reached(middle) < power else (low, middle)
        if high - low <= 1e-13 * high:
            break
    return high


def _check(alpha: float, sides: int) -> None:
    if not 0.0 < alpha < 1.0 or sides not in (1, 2):
        raise InvalidInputError(f"alpha {alpha!r}, sides {sides!r}: need 0 < alpha < 1, 1 or 2")


def _check_target(distance: float, power: float, ratio: float, alpha: float) -> None:
    if distance == 0.0 or not math.isfinite(distance):
        raise InvalidInputError(
            f"an effect of {distance!r} needs infinitely many units: name the least that matters"
        )
    if not alpha < power < 1.0:
        raise InvalidInputError(f"power {power!r} must lie between alpha and 1: 0.8 is usual")
    if not 0.0 < ratio < math.inf:
        raise InvalidInputError(f"ratio {ratio!r} of treatment to control units must be above 0")


def _check_share(p: float) -> None:
    if not 0.0 <= p <= 1.0:
        raise InvalidInputError(f"proportion {p!r} must lie between 0 and 1")
