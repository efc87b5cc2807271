"""One variant against control on one metric, from sufficient statistics: the textbook analysis.

Every kind goes through one linearisation. With R = mean(y) / mean(d) a unit contributes
(y - R d) / mean(d) (delta method: Deng, Knoblich, Lu 2018, eq. 3); a plain mean is the case d = 1.
CUPED takes theta times the covariate, linearised likewise, from it (Deng et al. 2013, eqs. 4-5),
with one theta from all units of both variants. Lift intervals are made on the log of the ratio
of means (Fieller's problem avoided; Deng et al. 2018, section 2.2). Degrees of freedom: Welch.

These numbers are right once, at the planned size: ``sequential`` has those that survive looks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from scipy.special import ndtr, ndtri, stdtr, stdtrit

from neonblue.errors import InvalidInputError
from neonblue.models import MetricSummary
from neonblue.stats.effect import Effect, Numbers, effect_of, squared_variation, welch

Alternative = Literal["two-sided", "greater", "less"]
ComparedKind = Literal["proportion", "mean", "ratio"]
MissingCode = Literal["too_few_units", "not_finite", "zero_denominator", "zero_variance"]

FEWEST_UNITS = 2
ROUNDING = 1e-9
"""Share of the scale below which a negative variance is rounding, not a mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InsufficientData:
    """Why there is no comparison, as codes and in words."""

    n_control: float
    n_treatment: float
    reasons: tuple[MissingCode, ...]
    detail: str
    status: Literal["insufficient_data"] = "insufficient_data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Treatment minus control, in units of the metric; lifts are fractions of |mean_control|.

    Means and variances are of the covariate-adjusted metric where there is a covariate, centred
    on the covariate's mean over both variants. ``variance_control`` is that of one unit.
    ``degrees_of_freedom`` is inf for a normal reference. One-sided intervals end in inf or -inf.
    ``p_value`` and ``statistic`` refer to ``null_difference``; with ``pooled_null`` they use
    ``null_standard_error``. Relative fields are None where a lift means nothing: a mean of 0, or
    an interval with means of unlike sign. A negative control mean counts by its size, so a
    positive lift is always a larger value.
    """

    kind: ComparedKind
    alternative: Alternative
    alpha: float
    n_control: float
    n_treatment: float
    mean_control: float
    mean_treatment: float
    variance_control: float
    variance_treatment: float
    absolute_difference: float
    standard_error: float
    null_standard_error: float
    degrees_of_freedom: float
    null_difference: float
    statistic: float
    p_value: float
    ci_lower: float
    ci_upper: float
    relative_lift: float | None
    relative_ci_lower: float | None
    relative_ci_upper: float | None
    log_ratio_standard_error: float | None
    variance_reduction: float | None
    theta: float | None
    status: Literal["available"] = "available"


def compare(
    control: MetricSummary,
    treatment: MetricSummary,
    *,
    kind: ComparedKind,
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
    pooled_null: bool = False,
    null_difference: float = 0.0,
    adjust: bool = True,
) -> Comparison | InsufficientData:
    """The textbook test and interval of one variant against control.

    ``adjust`` uses the covariate where the summaries have one. ``pooled_null`` takes the variance
    of the test (not of the interval) from both variants together, which keeps its error rate
    under unequal splits. ``null_difference`` with ``alternative`` makes a non-inferiority test.
    Raises ``InvalidInputError`` for what no data can give (n < 0, a proportion of 2).

    Welch (1947): t = (m_t - m_c) / sqrt(s_t^2 / n_t + s_c^2 / n_c) on the linearised metric of
    the module's sources; with ``pooled_null`` both variances are those of all units.
    """
    check_alpha(alpha)
    refuse_impossible(control, kind)
    refuse_impossible(treatment, kind)
    missing = missing_for(control, treatment, kind)
    if missing is not None:
        return missing
    effect = effect_of(control, treatment, kind=kind, adjust=adjust)
    if not math.isfinite(effect.standard_error):
        return _insufficient(control, treatment, "not_finite", "a covariance is NaN or infinite")
    if not effect.standard_error > 0.0:
        means = f"{effect.mean_control:.6g} in control, {effect.mean_treatment:.6g} in treatment"
        why = f"every unit of a variant has the same value ({means}): no error can be estimated"
        return _insufficient(control, treatment, "zero_variance", why)
    return comparison_of(
        effect,
        kind=kind,
        alpha=alpha,
        alternative=alternative,
        pooled_null=pooled_null,
        null_difference=null_difference,
    )


def comparison_of(
    effect: Effect,
    *,
    kind: ComparedKind,
    alpha: float,
    alternative: Alternative = "two-sided",
    pooled_null: bool = False,
    null_difference: float = 0.0,
) -> Comparison:
    """Test, interval and lift of an effect whose standard error is above 0.

    Welch (1947): t = (d - d_0) / se, limits d -+ t_(1 - alpha/2, df) se; the lift's limits are
    exp(log(m_t / m_c) -+ t se_log) - 1 with se_log^2 = v_c / m_c^2 + v_t / m_t^2 (delta
    method).
    """
    df = math.inf if kind == "proportion" else effect.degrees_of_freedom
    null_error, null_df = effect.standard_error, df
    if pooled_null:
        null_error = effect.pooled_standard_error(kind)
        null_df = df if kind == "proportion" else effect.n_control + effect.n_treatment - 2.0
    statistic = (effect.difference - null_difference) / null_error
    lower, upper = interval(effect.difference, effect.standard_error, df, alpha, alternative)
    relative = _relative(effect, kind, alpha, alternative)
    return Comparison(
        kind=kind,
        alternative=alternative,
        alpha=alpha,
        n_control=float(effect.n_control),
        n_treatment=float(effect.n_treatment),
        mean_control=float(effect.mean_control),
        mean_treatment=float(effect.mean_treatment),
        variance_control=float(effect.variance_control),
        variance_treatment=float(effect.variance_treatment),
        absolute_difference=float(effect.difference),
        standard_error=effect.standard_error,
        null_standard_error=float(null_error),
        degrees_of_freedom=float(df),
        null_difference=null_difference,
        statistic=float(statistic),
        p_value=p_value(statistic, null_df, alternative),
        ci_lower=lower,
        ci_upper=upper,
        relative_lift=relative[0],
        relative_ci_lower=relative[1],
        relative_ci_upper=relative[2],
        log_ratio_standard_error=relative[3],
        variance_reduction=_float(effect.variance_reduction),
        theta=_float(effect.theta),
    )


def p_value(statistic: float, df: float, alternative: Alternative) -> float:
    """Tail probability of a t (normal when ``df`` is inf) statistic, exact far into the tail.

    Definition: p = 2 P(T <= -|t|) two-sided, P(T >= t) or P(T <= t) one-sided.
    """
    z = -abs(statistic) if alternative == "two-sided" else statistic
    if alternative == "greater":
        z = -statistic
    tail = float(ndtr(z)) if df == math.inf else float(stdtr(df, z))
    return 2.0 * tail if alternative == "two-sided" else tail


def critical(df: float, alpha: float, alternative: Alternative) -> float:
    """How many standard errors an interval reaches to each side that is bounded.

    Definition: the 1 - alpha / 2 (one-sided 1 - alpha) quantile of t with ``df``.
    """
    tail = alpha / 2.0 if alternative == "two-sided" else alpha
    return -float(ndtri(tail)) if df == math.inf else -float(stdtrit(df, tail))


def interval(
    estimate: float, standard_error: float, df: float, alpha: float, alternative: Alternative
) -> tuple[float, float]:
    """Limits (lower, upper); the side that ``alternative`` leaves open is infinite.

    Definition: estimate -+ ``critical`` times the standard error.
    """
    half = critical(df, alpha, alternative) * standard_error
    lower = -math.inf if alternative == "less" else float(estimate - half)
    upper = math.inf if alternative == "greater" else float(estimate + half)
    return lower, upper


Relative = tuple[float | None, float | None, float | None, float | None]


def _relative(
    effect: Effect, kind: ComparedKind, alpha: float, alternative: Alternative
) -> Relative:
    """Lift, its limits and the standard error of the log-ratio of means."""
    control, treatment = effect.mean_control, effect.mean_treatment
    if control == 0.0:
        return None, None, None, None
    lift = float(effect.difference / abs(control))
    if not control * treatment > 0.0:
        return lift, None, None, None
    a = squared_variation(effect.error_variance_control, control)
    b = squared_variation(effect.error_variance_treatment, treatment)
    error = math.sqrt(a + b)
    if not 0.0 < error < math.inf:
        return lift, None, None, None
    df = math.inf if kind == "proportion" else welch(a, b, effect.n_control, effect.n_treatment)
    # Of two negative means the ratio of sizes falls as the value rises: mirror it.
    sign = 1.0 if control > 0.0 else -1.0
    log_ratio = sign * math.log(treatment / control)
    lower, upper = interval(log_ratio, error, df, alpha, alternative)
    limits = sorted((sign * _expm1(sign * lower), sign * _expm1(sign * upper)))
    return lift, limits[0], limits[1], error


def check_alpha(alpha: float) -> None:
    """Raises ``InvalidInputError`` unless 0 < alpha < 1.

    Definition: a guard, no method.
    """
    if not 0.0 < alpha < 1.0:
        raise InvalidInputError(f"alpha {alpha!r} must lie between 0 and 1: 0.05 is usual")


def refuse_impossible(summary: MetricSummary, kind: str) -> None:
    """Raises ``InvalidInputError`` for a summary that no units can have.

    Definition: a guard, no method.
    """
    if summary.n < 0 or summary.n == math.inf:
        raise InvalidInputError(f"n {summary.n!r} is not a number of units: check the counts")
    if summary.n == 0:
        return
    scale = summary.mean * summary.mean + abs(summary.denominator_mean)
    for name in ("variance", "denominator_variance", "covariate_variance"):
        value = getattr(summary, name)
        if value < -ROUNDING * max(scale, summary.covariate_mean**2, 1e-300):
            raise InvalidInputError(
                f"{name} {value!r} is below 0: compute it with varSampStable, not from raw sums"
            )
    if kind == "proportion" and not -ROUNDING <= summary.mean <= 1.0 + ROUNDING:
        if math.isnan(summary.mean):
            return
        raise InvalidInputError(
            f"a proportion of {summary.mean!r} lies outside 0 to 1: define the metric as a mean"
        )


def missing_for(
    control: MetricSummary, treatment: MetricSummary, kind: str
) -> InsufficientData | None:
    """What is lacking for a comparison, or None when it can be made.

    Definition: a guard, no method.
    """
    if not (control.n >= FEWEST_UNITS and treatment.n >= FEWEST_UNITS):
        detail = f"needs {FEWEST_UNITS} units in each variant, has {control.n!r}, {treatment.n!r}"
        return _insufficient(control, treatment, "too_few_units", detail)
    numbers = (control.mean, control.variance, treatment.mean, treatment.variance)
    if not all(map(math.isfinite, numbers)):
        detail = f"a mean or variance is NaN or infinite: {numbers!r}"
        return _insufficient(control, treatment, "not_finite", detail)
    if kind == "ratio" and 0.0 in (control.denominator_mean, treatment.denominator_mean):
        return _insufficient(control, treatment, "zero_denominator", "a denominator's mean is 0")
    return None


def _insufficient(
    control: MetricSummary, treatment: MetricSummary, code: MissingCode, detail: str
) -> InsufficientData:
    return InsufficientData(
        n_control=control.n, n_treatment=treatment.n, reasons=(code,), detail=detail
    )


def _float(value: Numbers | None) -> float | None:
    return None if value is None else float(value)


def _expm1(value: float) -> float:
    return math.expm1(value) if value < 700.0 else math.inf
