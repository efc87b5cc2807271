"""Several p-values at once, quantiles, and what many experiments say together."""

import math
from typing import Any

from tests.conformance.cases import Answer, Given

from neonblue.stats.comparison import interval
from neonblue.stats.meta import random_effects
from neonblue.stats.multiplicity import AdjustMethod, adjusted_p_values
from neonblue.stats.quantiles import (
    QuantileComparison,
    QuantileSummary,
    compare_quantiles,
    outer_ranks,
)


def adjusted(method: AdjustMethod) -> Answer:
    return lambda given: {"adjusted": adjusted_p_values(given["p"], method=method)}


def difference_of_quantiles(given: Given) -> dict[str, Any]:
    """gbstats' flat posterior is the normal interval of the difference."""
    control, treatment = (_quantile(given[side], given["nu"]) for side in ("c", "t"))
    found = compare_quantiles(control, treatment)
    assert isinstance(found, QuantileComparison)
    difference, error = found.absolute_difference, found.standard_error
    return {
        "expected": difference,
        "ci": interval(difference, error, math.inf, 0.05, "two-sided"),
    }


def order_statistics(given: Given) -> dict[str, Any]:
    """The data are 1 to 1000: a value is its rank. Ours are rounded outwards."""
    assert given["data"] == "1..1000"
    ranks = outer_ranks(1000, given["p"], alpha=1.0 - given["confidence"])
    return {"scipy_ci": ranks, "R_qbinom_ranks": ranks}


def shrunk_effects(given: Given) -> dict[str, Any]:
    found = random_effects(given["effects"], given["variances"], method=given["method"])
    return {"shrunk": found.shrunk, "se": found.shrunk_standard_errors}


def _quantile(one: Given, quantile: float) -> QuantileSummary:
    return QuantileSummary(
        n=float(one["n"]),
        quantile=quantile,
        estimate=one["quantile_hat"],
        lower=one["quantile_lower"],
        upper=one["quantile_upper"],
    )


ANSWERS: dict[str, Answer] = {
    "padjust_bonferroni": adjusted("bonferroni"),
    "padjust_holm": adjusted("holm"),
    "padjust_hochberg": adjusted("hochberg"),
    "padjust_BY": adjusted("by"),
    "gb_quantile_p90_bayes": difference_of_quantiles,
    "order_stat_ci_p90": order_statistics,
    "eb_blup": shrunk_effects,
}
