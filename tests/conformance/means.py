"""Two means and ratios of sums, with and without a covariate."""

from typing import Any

from tests.conformance.cases import Answer, Given, available, described, summed, wald_lift

from neonblue.models import MetricSummary
from neonblue.stats.comparison import Alternative, Comparison, compare
from neonblue.stats.moments import summary_from_sums


def welch_relative(given: Given) -> dict[str, Any]:
    return wald_lift(_welch(summed(given["control"]), summed(given["treatment"])))


def welch_log_ratio(given: Given) -> dict[str, Any]:
    found = _welch(summed(given["control"]), summed(given["treatment"]))
    return {"rel": found.relative_lift, "rel_ci": _lift_limits(found), "t": found.statistic}


def welch(given: Given) -> dict[str, Any]:
    found = _welch(described(given["control"]), described(given["treatment"]))
    return {
        "t": found.statistic,
        "df": found.degrees_of_freedom,
        "p": found.p_value,
        "ci": (found.ci_lower, found.ci_upper),
    }


def welch_one_sided(given: Given) -> dict[str, Any]:
    found = _welch(described(given["control"]), described(given["treatment"]), given["alternative"])
    return {"p": found.p_value, "ci": (found.ci_lower, found.ci_upper)}


def far_tail(given: Given) -> dict[str, Any]:
    return {"p": _welch(described(given["control"]), described(given["treatment"])).p_value}


def cuped(given: Given) -> dict[str, Any]:
    found = _welch(_with_covariate(given["control"]), _with_covariate(given["treatment"]))
    return {
        "theta": [found.theta],
        "effect": found.absolute_difference,
        "se": found.standard_error,
        "p": found.p_value,
        "ci": (found.ci_lower, found.ci_upper),
        "variance_reduction": found.variance_reduction,
    }


def cuped_over_unadjusted(given: Given) -> dict[str, Any]:
    """gbstats divides by the unadjusted mean of control."""
    control, treatment = (_with_covariate(given[side]) for side in ("control", "treatment"))
    return {"effect": _welch(control, treatment).absolute_difference / control.mean}


def cuped_over_adjusted(given: Given) -> dict[str, Any]:
    found = _welch(_with_covariate(given["control"]), _with_covariate(given["treatment"]))
    return {
        "control": found.mean_control,
        "treatment": found.mean_treatment,
        "rel": found.relative_lift,
        "rel_ci": _lift_limits(found),
    }


def ratio(given: Given) -> dict[str, Any]:
    control, treatment = (_ratio(given[side]) for side in ("control", "treatment"))
    found = available(compare(control, treatment, kind="ratio"))
    wald = wald_lift(found)
    return {
        "rel_effect": found.relative_lift,
        "se_rel": wald["se"],
        "se_log": found.log_ratio_standard_error,
        "ci_gb": wald["ci"],
        "log_ci_tt": _lift_limits(found),
    }


def _welch(
    control: MetricSummary, treatment: MetricSummary, alternative: Alternative = "two-sided"
) -> Comparison:
    return available(compare(control, treatment, kind="mean", alternative=alternative))


def _lift_limits(found: Comparison) -> tuple[float | None, float | None]:
    return found.relative_ci_lower, found.relative_ci_upper


def _with_covariate(one: Given) -> MetricSummary:
    return summary_from_sums(
        one["n"],
        one["sum_y"],
        one["sum_y2"],
        sum_x=one["sum_x"],
        sum_x2=one["sum_x2"],
        sum_yx=one["sum_xy"],
    )


def _ratio(one: Given) -> MetricSummary:
    return summary_from_sums(
        one["n"],
        one["sum_num"],
        one["sum_num2"],
        sum_d=one["sum_den"],
        sum_d2=one["sum_den2"],
        sum_yd=one["sum_num_den"],
    )


ANSWERS: dict[str, Answer] = {
    "gb_welch_relative": welch_relative,
    "tt_welch_logratio_ci": welch_log_ratio,
    "R_welch_from_moments": welch,
    "R_welch_one_sided": welch_one_sided,
    "extreme_tail_p": far_tail,
    "cuped_abs": cuped,
    "cuped_rel_gb": cuped_over_unadjusted,
    "cuped_rel_tt": cuped_over_adjusted,
    "ratio_delta_rel": ratio,
}
