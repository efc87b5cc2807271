"""Two proportions."""

from typing import Any

from tests.conformance.cases import Answer, Given, available, counted, wald_lift

from neonblue.models import MetricSummary
from neonblue.stats.comparison import compare


def pooled_z(given: Given) -> dict[str, Any]:
    found = compare(
        counted(given["control"]), counted(given["treatment"]), kind="proportion", pooled_null=True
    )
    return {"z": available(found).statistic, "p": available(found).p_value}


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


ANSWERS: dict[str, Answer] = {
    "prop_z_pooled": pooled_z,
    "gb_prop_relative_small": relative_without_bessel,
    "noninf_prop": not_inferior,
}
