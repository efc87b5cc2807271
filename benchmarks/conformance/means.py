"""Cases about two means, ratios of sums, covariate adjustment and guardrails."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from benchmarks.conformance.reading import Case, Unmapped, is_proportion, summary_of
from neonblue.models import MetricSummary
from neonblue.stats.comparison import Comparison, compare, comparison_of, interval, p_value, welch
from neonblue.stats.effect import effect_of, linearised
from neonblue.stats.moments import merged, summary_from_sums
from neonblue.stats.power import guardrail_power
from neonblue.stats.regression import ancova, lin


def solve(case: Case) -> dict[str, Any]:
    if case.is_relative:
        return relative_wald(case)
    control, treatment = (summary_of(side) for side in case.sides)
    return _compared(case, control, treatment, "mean") | _wald_answers(case, control, treatment)


def relative_wald(case: Case) -> dict[str, Any]:
    """gbstats' ways: t with Welch's df of the raw variances, also for a delta-method lift."""
    control, treatment = (summary_of(side) for side in case.sides)
    if is_proportion(case.sides[0]) and not case.says("tea-tasting"):
        control, treatment = _without_bessel(control), _without_bessel(treatment)
    answers = _compared(case, control, treatment, "mean")
    wald = _wald_answers(case, control, treatment)
    if case.is_relative:
        return answers | wald | {k: wald[f"wald_{k}"] for k in ("effect", "se", "ci", "p", "t")}
    return answers | wald


def solve_cuped(case: Case) -> dict[str, Any]:
    control, treatment = (summary_of(side) for side in case.sides)
    theta = case.get("theta_value")
    answers = _compared(case, control, treatment, "mean")
    if theta is not None:
        raise Unmapped("a theta that was chosen by hand")
    wald = _wald_answers(case, control, treatment)
    answers |= wald
    if case.is_relative:
        answers |= {k: wald[f"wald_{k}"] for k in ("effect", "se", "ci", "p", "t")}
    return answers | _regressions(case, control, treatment)


def solve_ratio(case: Case) -> dict[str, Any]:
    control, treatment = (ratio_summary(side) for side in case.sides)
    answers = _compared(case, control, treatment, "ratio")
    wald = _wald_answers(case, control, treatment, kind="ratio")
    answers |= wald
    if case.is_relative:
        answers |= {k: wald[f"wald_{k}"] for k in ("effect", "se", "ci", "p", "t")}
    elif case.says("gbstats") and control.covariate_variance > 0.0:
        answers |= _within_theta(case, control, treatment)
    return answers


def _within_theta(case: Case, control: MetricSummary, treatment: MetricSummary) -> dict[str, Any]:
    """gbstats' adjusted ratio: theta from the sums within variants."""
    effect = effect_of(control, treatment, kind="ratio", theta_from="within")
    found = comparison_of(effect, kind="ratio", alpha=case.alpha, alternative=case.alternative)
    return _answers(case, found, equal=False)


def solve_guardrail(case: Case) -> dict[str, Any]:
    """Non-inferiority: is the effect beyond the margin on the good side?"""
    guardrails = case.get("guardrails", "n_guardrails", "g", "num_guardrails")
    if guardrails is not None and case.get("control") is None:
        beta = float(case.get("beta", default=1.0 - float(case.get("power", default=0.8))))
        power = guardrail_power(1.0 - beta, int(guardrails))
        return {"power": power, "beta": 1.0 - power, "beta_adjusted": 1.0 - power,
                "power_adjusted": power, "beta_per_guardrail": 1.0 - power}  # fmt: skip
    control, treatment = (summary_of(side) for side in case.sides)
    kind = "proportion" if is_proportion(case.sides[0]) else "mean"
    null = _margin(case, control)
    if isinstance(null, tuple):
        return _equivalence(case, control, treatment, kind, null)
    side = case.alternative
    if side == "two-sided":
        side = "less" if null > 0.0 else "greater"
    found = compare(
        control, treatment, kind=kind, alpha=case.alpha, alternative=side, null_difference=null
    )  # type: ignore[call-overload]
    if found.status != "available":
        raise Unmapped(found.detail)
    bound = found.ci_lower if side == "greater" else found.ci_upper
    passed = found.p_value < case.alpha
    return {
        "z": found.statistic, "p": found.p_value, "effect": found.absolute_difference,
        "se": found.standard_error, "df": found.degrees_of_freedom,
        "ci": (found.ci_lower, found.ci_upper), "lower": found.ci_lower, "upper": found.ci_upper,
        "bound": bound, "non_inferior": passed, "noninferior": passed, "passed": passed,
    }  # fmt: skip


def _margin(case: Case, control: MetricSummary) -> float | tuple[float, float]:
    low, high = case.get("margin_low", "low", "lower"), case.get("margin_high", "upp", "upper")
    if low is not None and high is not None:
        return float(low), float(high)
    if (relative := case.get("margin_rel", "margin_relative")) is not None:
        return float(relative) * control.mean
    margin = float(case.number("margin_abs", "margin", "value", "null_value"))
    # A plain "margin" is a size; the harmful side is below unless the case says otherwise.
    if case.has("margin_abs") or margin < 0.0 or case.has("value"):
        return margin
    return margin if case.says("lower is better", "decrease", "smaller", "less") else -margin


def _equivalence(
    case: Case,
    control: MetricSummary,
    treatment: MetricSummary,
    kind: str,
    null: tuple[float, float],
) -> dict[str, Any]:
    sides = (("greater", null[0]), ("less", null[1]))
    p_values = [
        compare(
            control, treatment, kind=kind, alternative=side, null_difference=value,
            alpha=case.alpha,
        ).p_value  # type: ignore[call-overload, union-attr]
        for side, value in sides
    ]  # fmt: skip
    return {"p": max(p_values), "p_lower": p_values[0], "p_upper": p_values[1]}


def _compared(
    case: Case, control: MetricSummary, treatment: MetricSummary, kind: str
) -> dict[str, Any]:
    """Absolute difference and the lift on the log-ratio scale."""
    equal = case.says("equal_var", "equal variance", "student", "pooled variance", "var.equal")
    equal = bool(case.get("equal_var", "pooled", default=equal))
    found = compare(
        control, treatment, kind=kind, alpha=case.alpha, alternative=case.alternative,
        pooled_null=equal,
        null_difference=float(case.get("test_value", "value", "mu", "null", default=0.0)),
    )  # type: ignore[call-overload]  # fmt: skip
    if found.status != "available":
        raise Unmapped(found.detail)
    return _answers(case, found, equal)


def _answers(case: Case, found: Comparison, equal: bool) -> dict[str, Any]:
    error, df = found.standard_error, found.degrees_of_freedom
    lower, upper = found.ci_lower, found.ci_upper
    p, statistic = found.p_value, found.statistic
    if equal:
        error, df = found.null_standard_error, found.n_control + found.n_treatment - 2.0
    normal = case.get("use_t") is False or case.says("z-test", "ztest", "use_t=false")
    if normal:
        df = math.inf
        p = p_value(statistic, df, case.alternative)
    if (error, df) != (found.standard_error, found.degrees_of_freedom):
        lower, upper = interval(found.absolute_difference, error, df, case.alpha, case.alternative)
    log_se, relative = found.log_ratio_standard_error, (
        found.relative_ci_lower, found.relative_ci_upper,
    )  # fmt: skip
    log_ratio = None if log_se is None else math.log(found.mean_treatment / found.mean_control)
    if log_ratio is not None and (equal or normal):
        log_se, relative = _log_limits(case, found, equal=equal, normal=normal)
    return {
        "effect": found.absolute_difference, "abs_effect": found.absolute_difference, "se": error,
        "t": statistic, "df": df, "p": p, "ci": (lower, upper), "abs_ci": (lower, upper),
        "rel": found.relative_lift, "rel_ci": relative,
        "se_log": log_se, "log_ratio": log_ratio, "control": found.mean_control,
        "treatment": found.mean_treatment, "theta": found.theta,
        "variance_reduction": found.variance_reduction, "se_abs": error,
        "var_control": found.variance_control, "var_treatment": found.variance_treatment,
        "cohens_d": _cohens_d(found),
    }  # fmt: skip


def _log_limits(
    case: Case, found: Comparison, *, equal: bool, normal: bool
) -> tuple[float, tuple[float, float]]:
    """Limits of the lift on the log scale with equal variances there, or without t."""
    n_c, n_t = found.n_control, found.n_treatment
    a = found.variance_control / found.mean_control**2
    b = found.variance_treatment / found.mean_treatment**2
    df = welch(a / n_c, b / n_t, n_c, n_t)
    if equal:
        a = b = ((n_c - 1.0) * a + (n_t - 1.0) * b) / (n_c + n_t - 2.0)
        df = n_c + n_t - 2.0
    error = math.sqrt(a / n_c + b / n_t)
    log_ratio = math.log(found.mean_treatment / found.mean_control)
    lower, upper = interval(
        log_ratio, error, math.inf if normal else df, case.alpha, case.alternative
    )
    return error, (math.expm1(lower), math.expm1(upper))


def _cohens_d(found: Comparison) -> float:
    n_c, n_t = found.n_control, found.n_treatment
    pooled = (n_c - 1.0) * found.variance_control + (n_t - 1.0) * found.variance_treatment
    return found.absolute_difference / math.sqrt(pooled / (n_c + n_t - 2.0))


def _wald_answers(
    case: Case, control: MetricSummary, treatment: MetricSummary, kind: str = "mean"
) -> dict[str, Any]:
    """The lift by the plain delta method, over the unadjusted control mean."""
    lift, error, df = wald_lift(control, treatment, kind)
    null = float(case.get("test_value", default=0.0))
    t = (lift - null) / error
    limits = interval(lift, error, df, case.alpha, case.alternative)
    return {
        "wald_effect": lift, "wald_se": error, "wald_ci": limits, "wald_t": t,
        "wald_p": p_value(t, df, case.alternative), "se_rel": error, "rel_effect": lift,
        "ci_gb": limits,
    }  # fmt: skip


def wald_lift(
    control: MetricSummary, treatment: MetricSummary, kind: str
) -> tuple[float, float, float]:
    """Lift, standard error and degrees of freedom of gbstats' relative difference.

    With a covariate: the adjusted difference over the unadjusted control mean, where the
    covariance of the two is in the error.
    """
    within = kind == "ratio"
    effect = effect_of(
        control, treatment, kind=kind, theta_from="within" if within else "all_units"
    )
    c, t = linearised(control, kind=kind), linearised(treatment, kind=kind)
    theta = 0.0 if effect.theta is None else float(effect.theta)
    base, lift = c.mean, float(effect.difference / c.mean)
    variance_c, variance_t = float(effect.variance_control), float(effect.variance_treatment)
    # gbstats takes the derivative at the adjusted means for ratios, at the raw ones for means.
    slope = -1.0 - lift if within else -t.mean / base
    from_control = slope**2 * c.variance + 2.0 * slope * theta * c.covariance
    from_control += theta**2 * c.covariate_variance
    error = math.sqrt((variance_t / treatment.n + from_control / control.n) / base**2)
    df = welch(variance_c / control.n, variance_t / treatment.n, control.n, treatment.n)
    return lift, error, df


def _regressions(case: Case, control: MetricSummary, treatment: MetricSummary) -> dict[str, Any]:
    if not control.covariate_variance > 0.0:
        return {}
    plain, full = ancova(control, treatment), lin(control, treatment)
    both = merged(control, treatment)
    r = both.covariance_y_x / math.sqrt(both.variance * both.covariate_variance)
    return {
        "ancova_effect": plain.absolute_difference, "ancova_se_homosk": plain.standard_error,
        "ancova_se": plain.standard_error, "ancova_t": plain.statistic, "ancova_p": plain.p_value,
        "ancova_slope": plain.slope_control, "ancova_df": plain.degrees_of_freedom,
        "ancova_ci": interval(plain.absolute_difference, plain.standard_error,
                              plain.degrees_of_freedom, case.alpha, "two-sided"),
        "lin2013_effect": full.absolute_difference, "lin_effect": full.absolute_difference,
        "lin2013_se": full.standard_error, "lin_se": full.standard_error,
        "correlation": r, "rho": r, "r": r, "r2": r * r,
    }  # fmt: skip


RATIO_NAMES = {
    "sum_y": ("sum_num", "sum_y", "num_sum", "sum_m", "numerator_sum", "main_sum"),
    "sum_y2": ("sum_num2", "sum_y2", "num_sum2", "sum_m2", "numerator_sum_squares",
               "main_sum_squares"),
    "sum_d": ("sum_den", "sum_d", "den_sum", "denominator_sum"),
    "sum_d2": ("sum_den2", "sum_d2", "den_sum2", "denominator_sum_squares"),
    "sum_yd": ("sum_num_den", "sum_yd", "sum_md", "main_denominator_sum_product",
               "sum_of_products", "m_d_sum_of_products"),
}  # fmt: skip
GB_PAIRS = {
    "sum_yd": "m_post_d_post", "sum_yx": "m_post_m_pre", "sum_dx": "m_pre_d_post",
    "sum_xe": "m_pre_d_pre", "sum_ye": "m_post_d_pre", "sum_de": "d_post_d_pre",
}  # fmt: skip


def ratio_summary(one: Mapping[str, Any]) -> MetricSummary:
    """Sums of a ratio metric, flat or as gbstats nests them, with or without a covariate."""
    if "m_statistic_post" in one or "m_statistic" in one:
        return _nested(one)
    found = {
        field: float(next(one[name] for name in names if name in one))
        for field, names in RATIO_NAMES.items()
    }
    n, y, y2 = float(one["n"]), found.pop("sum_y"), found.pop("sum_y2")
    return summary_from_sums(n, y, y2, **found)


def _nested(one: Mapping[str, Any]) -> MetricSummary:
    post = "_post" if "m_statistic_post" in one else ""
    m, d = one[f"m_statistic{post}"], one[f"d_statistic{post}"]
    sums = {"sum_d": _sum(d), "sum_d2": _squares(d)}
    if not post:
        sums["sum_yd"] = float(one["m_d_sum_of_products"])
        return summary_from_sums(float(one["n"]), _sum(m), _squares(m), **sums)
    x, e = one["m_statistic_pre"], one["d_statistic_pre"]
    sums |= {"sum_x": _sum(x), "sum_x2": _squares(x), "sum_e": _sum(e), "sum_e2": _squares(e)}
    sums |= {field: float(one[f"{name}_sum_of_products"]) for field, name in GB_PAIRS.items()}
    return summary_from_sums(float(one["n"]), _sum(m), _squares(m), **sums)


def _sum(one: Mapping[str, Any]) -> float:
    return float(one["sum"])


def _squares(one: Mapping[str, Any]) -> float:
    """A proportion's sum of squares is its sum."""
    return float(one.get("sum_squares", one["sum"]))


def _without_bessel(summary: MetricSummary) -> MetricSummary:
    """Variance p (1 - p), as gbstats takes it for proportions."""
    p = summary.mean
    return MetricSummary(n=summary.n, mean=p, variance=p * (1.0 - p))
