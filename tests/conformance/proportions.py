"""Two proportions: tests, intervals and exact tests."""

from typing import Any

from tests.conformance.cases import Answer, Given, available, counted, wald_lift

from neonblue.models import MetricSummary
from neonblue.stats.comparison import compare
from neonblue.stats.proportions import (
    Counts,
    DifferenceMethod,
    barnard_p_value,
    barnard_statistic,
    difference_interval,
    fisher_p_value,
    yates_p_value,
)


def pooled_z(given: Given) -> dict[str, Any]:
    found = compare(
        counted(given["control"]), counted(given["treatment"]), kind="proportion", pooled_null=True
    )
    return {"z": available(found).statistic, "p": available(found).p_value}


def yates(given: Given) -> dict[str, Any]:
    counts = _counts(given)
    return {"p": yates_p_value(counts), "ci": difference_interval(counts, method="yates")}


def limits_by(method: DifferenceMethod) -> Answer:
    return lambda given: {"ci": difference_interval(_counts(given), method=method)}


def fisher(given: Given) -> dict[str, Any]:
    return {"p": fisher_p_value(_table(given))}


def barnard(given: Given) -> dict[str, Any]:
    counts, pooled = _table(given), given["pooled"]
    return {
        "p": barnard_p_value(counts, pooled=pooled),
        "wald": barnard_statistic(counts, pooled=pooled),
    }


def relative_without_bessel(given: Given) -> dict[str, Any]:
    """gbstats: variance p (1 - p) of a unit, and Student's t."""
    control, treatment = (_plain(given[side]) for side in ("control", "treatment"))
    return wald_lift(available(compare(control, treatment, kind="mean")))


def not_inferior(given: Given) -> dict[str, Any]:
    found = compare(
        counted(given["control"]),
        counted(given["treatment"]),
        kind="proportion",
        alternative="greater",
        null_difference=given["margin_abs"],
    )
    return {"z": available(found).statistic, "p": available(found).p_value}


def _plain(one: Given) -> MetricSummary:
    p = one["sum"] / one["n"]
    return MetricSummary(n=float(one["n"]), mean=p, variance=p * (1.0 - p))


def _counts(given: Given) -> Counts:
    control, treatment = given["control"], given["treatment"]
    return Counts(
        successes_control=control["success"],
        n_control=control["n"],
        successes_treatment=treatment["success"],
        n_treatment=treatment["n"],
    )


def _table(given: Given) -> Counts:
    """Rows are outcomes, columns the two samples, the treatment first."""
    (a, b), (c, d) = given["table"]
    return Counts(successes_control=b, n_control=b + d, successes_treatment=a, n_treatment=a + c)


ANSWERS: dict[str, Answer] = {
    "prop_z_pooled": pooled_z,
    "prop_yates": yates,
    "prop_ci_newcomb": limits_by("newcomb"),
    "prop_ci_score": limits_by("score"),
    "prop_ci_agresti-caffo": limits_by("agresti-caffo"),
    "prop_fisher_small": fisher,
    "prop_barnard_small": barnard,
    "gb_prop_relative_small": relative_without_bessel,
    "noninf_prop": not_inferior,
}
