"""Cases about sample ratio mismatch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from benchmarks.conformance.reading import Case
from neonblue.stats.srm import CONCENTRATION, exact_srm_p_value, sequential_srm_test, srm_test


def solve(case: Case) -> dict[str, Any]:
    counts, weights = _plan(case)
    if case.says("exact", "binom"):
        return {"p": exact_srm_p_value(counts, weights)}
    found = srm_test(counts, weights)
    answers = {"chi2": found.statistic, "p": found.p_value, "df": found.degrees_of_freedom}
    return answers | {"srm": found.p_value < float(case.get("alpha", "threshold", default=0.001))}


def solve_sequential(case: Case) -> dict[str, Any]:
    counts, weights = _plan(case)
    prior = case.get("dirichlet_alpha", "alpha_prior", "concentrations")
    if isinstance(prior, list):
        weights, concentration = prior, float(np.sum(prior))
    else:
        concentration = float(
            case.get("dirichlet_concentration_k", "dirichlet_concentration", "concentration", "k",
                     default=CONCENTRATION)
        )  # fmt: skip
    looks = counts if isinstance(counts[0], list) else [counts]
    found = [sequential_srm_test(look, weights, concentration=concentration) for look in looks]
    running = np.minimum.accumulate([test.p_value for test in found])
    last = found[-1]
    many = len(looks) > 1
    return {
        "log_bayes_factor": [t.statistic for t in found] if many else last.statistic,
        "bayes_factor": math.exp(min(last.statistic, 700.0)),
        "p": running if many else last.p_value,
        "running_p": running,
        "min_p": running[-1],
        "reject": bool(running[-1] < case.alpha),
    }


def _plan(case: Case) -> tuple[Any, Any]:
    counts = case.get("counts", "observed", "looks")
    weights = case.get("weights", "ratio", "expected_ratio", "probs", "probabilities", "shares")
    if weights is None:
        size = len(counts[0]) if isinstance(counts[0], list) else len(counts)
        weights = [1.0] * size
    return counts, weights
