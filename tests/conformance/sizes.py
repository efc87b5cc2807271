"""Power, sample sizes and least detectable effects."""

import math
from typing import Any

from tests.conformance.cases import Answer, Given

from neonblue.stats.power import (
    mean_mde,
    mean_power,
    mean_sample_size,
    proportion_sample_size,
)


def of_proportions(given: Given) -> dict[str, Any]:
    size = proportion_sample_size(
        given["p1"],
        given["p2"],
        alpha=given["alpha"],
        power=given["power"],
        sides=given["sides"],
    )
    return {"n_per_arm": size}


def of_means(given: Given) -> dict[str, Any]:
    size = mean_sample_size(
        given["delta"], sd=given["sd"], alpha=given["alpha"], power=given["power"]
    )
    return {"n_per_arm": size}


def least_effect(given: Given) -> dict[str, Any]:
    found = mean_mde(
        sd=given["sd"],
        n_control=given["n"],
        n_treatment=given["n"],
        alpha=given["alpha"],
        power=given["power"],
    )
    return {"mde": found}


def power_of_unequal_variants(given: Given) -> dict[str, Any]:
    found = mean_power(
        given["d"],
        sd=1.0,
        n_control=given["n1"],
        n_treatment=given["n2"],
        alpha=given["alpha"],
    )
    return {"power": found}


def total_for_a_lift(given: Given) -> dict[str, Any]:
    size = mean_sample_size(
        given["mean"] * given["rel_effect"],
        sd=math.sqrt(given["var"]),
        alpha=given["alpha"],
        power=given["power"],
        ratio=given["ratio"],
    )
    return {"n_total": math.ceil(size * (1.0 + given["ratio"]))}


ANSWERS: dict[str, Answer] = {
    "power_prop_10_11": of_proportions,
    "power_prop_5pct_rel": of_proportions,
    "power_t": of_means,
    "mde_t": least_effect,
    "power_unequal_t": power_of_unequal_variants,
    "tt_power_mean": total_for_a_lift,
}
