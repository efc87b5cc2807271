"""Sequences that hold at every look, looks planned in advance, and splits of units."""

import math
from typing import Any

from benchmarks.group_sequential import Spending, spending_boundaries
from tests.conformance.cases import Answer, Given, available

from neonblue.stats.comparison import compare
from neonblue.stats.moments import proportion_summary
from neonblue.stats.sequential_mixture import (
    critical_value,
    log_e_value,
    mixture_sequence,
    one_sided_critical_value,
    tuned_variance,
)
from neonblue.stats.srm import exact_srm_p_value, sequential_srm_test, srm_test


def asymptotic(given: Given) -> dict[str, Any]:
    control, treatment = (
        proportion_summary(float(given[side]["n"]), float(given[side]["sum"]))
        for side in ("control", "treatment")
    )
    found = available(compare(control, treatment, kind="proportion"))
    sequence = mixture_sequence(
        found.absolute_difference,
        found.standard_error,
        n=control.n + treatment.n,
        planned_n=given["N_star"],
        alpha=given["alpha"],
    )
    return {
        "effect": found.absolute_difference,
        "se": found.standard_error,
        "ci": (sequence.ci_lower, sequence.ci_upper),
        "p": sequence.p_value,
        "r": sequence.information_ratio,
    }


def howard_bounds(given: Given) -> dict[str, Any]:
    """At intrinsic time v the sum of unit variances is v: a bound in standard errors times its
    root. One-sided bounds are tuned for twice the alpha."""
    v, alpha, tuned_at = given["v"], given["alpha"], given["alpha_opt"]
    two = v * tuned_variance(planned_n=given["v_opt"], alpha=tuned_at)
    one = v * tuned_variance(planned_n=given["v_opt"], alpha=2.0 * tuned_at)
    return {
        "two_sided_bound": math.sqrt(v) * critical_value(two, alpha=alpha),
        "one_sided_bound": math.sqrt(v) * one_sided_critical_value(one, alpha=alpha),
    }


def howard_evidence(given: Given) -> dict[str, Any]:
    v = given["v"]
    ratio = v * tuned_variance(planned_n=given["v_opt"], alpha=0.05)
    return {"log_e": log_e_value(given["s"] / math.sqrt(v), ratio)}


def chi_square(given: Given) -> dict[str, Any]:
    found = srm_test(given["counts"], given["weights"])
    return {"chi2": found.statistic, "p": found.p_value}


def chi_square_p(given: Given) -> dict[str, Any]:
    return {"p": srm_test(given["counts"], given["weights"]).p_value}


def exact_split(given: Given) -> dict[str, Any]:
    return {"p": exact_srm_p_value(given["counts"], given["weights"])}


def split_at_every_look(given: Given) -> dict[str, Any]:
    found = sequential_srm_test(
        given["counts"], given["weights"], concentration=given["dirichlet_concentration_k"]
    )
    return {"log_bayes_factor": found.statistic, "p": found.p_value}


def agreed_looks(spending: Spending) -> Answer:
    """No tool offers these: they are the arm that ``benchmarks.power_curves`` compares with."""
    return lambda given: {
        "z": spending_boundaries(given["looks"], alpha=given["alpha_one_sided"], spending=spending)
    }


ANSWERS: dict[str, Answer] = {
    "asympcs_prop_abs_N200000": asymptotic,
    "howard_normal_mixture_v100": howard_bounds,
    "howard_normal_mixture_v1000": howard_bounds,
    "howard_normal_mixture_v10000": howard_bounds,
    "howard_normal_mixture_v100000": howard_bounds,
    "howard_log_mixture": howard_evidence,
    "srm_kohavi_book": chi_square,
    "srm_three_arm": chi_square_p,
    "srm_exact_binom": exact_split,
    "srm_zero_weight_arm": chi_square_p,
    "seq_srm_510k_490k": split_at_every_look,
    "seq_srm_3arm": split_at_every_look,
    "seq_srm_9010": split_at_every_look,
    "gst_obf_uneq": agreed_looks("obf"),
    "gst_pocock_5": agreed_looks("pocock"),
}
