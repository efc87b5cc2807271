"""Cases about quantiles."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.conformance.reading import Case, Unmapped
from neonblue.stats.bayes import normal_posterior
from neonblue.stats.comparison import interval, p_value, welch
from neonblue.stats.quantiles import (
    QuantileSummary,
    cluster_variance,
    exact_ranks,
    fewest_observations,
)

LEAST_VARIANCE = 1e-5
"""gbstats does not let a quantile's variance fall below this from 100 observations on."""


def solve(case: Case) -> dict[str, Any]:
    if case.get("data") is not None or case.has("p", "n"):
        return _order_statistics(case)
    quantile = float(case.get("nu", "quantile", "q", "p", default=0.5))
    if case.get("control", "c") is None:
        return _one(case.inputs, quantile)
    control, treatment = (_one(_lower(side), quantile) for side in case.sides)
    return _two(case, control, treatment)


def _order_statistics(case: Case) -> dict[str, Any]:
    data = case.get("data")
    if isinstance(data, list):
        values = np.sort(np.asarray(data, dtype=float))
    elif isinstance(data, str) and ".." in data:
        first, last = data.split("..")
        values = np.arange(float(first), float(last) + 1)
    else:
        values = np.arange(1.0, case.number("n") + 1)
    quantile = case.number("p", "q", "nu", "quantile")
    low, high = exact_ranks(values.size, quantile, alpha=case.alpha)
    limits = float(values[low - 1]), float(values[high - 1])
    ranks = float(low), float(high)
    return {"scipy_ci": limits, "ci": limits, "r_qbinom_ranks": ranks, "ranks": ranks,
            "estimate": float(np.quantile(values, quantile))}  # fmt: skip


def _one(given: Mapping[str, Any], quantile: float) -> dict[str, Any]:
    nu = float(given.get("nu", quantile))
    summary = QuantileSummary(
        n=float(given["n"]), n_read=float(given.get("n_star", given["n"])), quantile=nu,
        estimate=float(given["quantile_hat"]), lower=float(given["quantile_lower"]),
        upper=float(given["quantile_upper"]),
    )  # fmt: skip
    answers: dict[str, Any] = {"n": summary.n, "estimate": summary.estimate}
    variance = summary.error_variance * summary.n
    if "n_clusters" in given:
        share = cluster_variance(
            n_clusters=float(given["n_clusters"]), sum_below=float(given["main_sum"]),
            sum_below_2=float(given["main_sum_squares"]), sum_size=float(given["denominator_sum"]),
            sum_size_2=float(given["denominator_sum_squares"]),
            sum_below_size=float(given["main_denominator_sum_product"]),
        )  # fmt: skip
        variance *= share / (nu * (1.0 - nu) / summary.n)
        answers["cluster_variance"] = share
    floored = max(variance, LEAST_VARIANCE) if summary.n >= 100 else variance
    enough = summary.n > fewest_observations(nu)
    return answers | {"variance_init": variance, "variance": floored, "mean": summary.estimate,
                      "has_zero_variance": not enough}  # fmt: skip


def _two(case: Case, control: dict[str, Any], treatment: dict[str, Any]) -> dict[str, Any]:
    a, b = control["variance"] / control["n"], treatment["variance"] / treatment["n"]
    difference, error = treatment["estimate"] - control["estimate"], math.sqrt(a + b)
    if case.scale == "relative":
        base = control["estimate"]
        error = math.sqrt(b / base**2 + a * treatment["estimate"] ** 2 / base**4)
        difference /= base
    if error <= 0.0:
        raise Unmapped("no variance around the quantile")
    if case.says("ttest", "frequentist", "welch") or case.wants("p", "t", "effect"):
        df = welch(a, b, control["n"], treatment["n"])
        t = difference / error
        return {"effect": difference, "se": error, "df": df, "t": t,
                "p": p_value(t, df, case.alternative),
                "ci": interval(difference, error, df, case.alpha, case.alternative)}  # fmt: skip
    found = normal_posterior(difference, error, alpha=case.alpha)
    return {"expected": found.mean, "sd": found.sd, "ci": (found.ci_lower, found.ci_upper),
            "chance_to_win": found.chance_to_win,
            "loss_choose_control": found.expected_loss_control,
            "loss_choose_treatment": found.expected_loss,
            "risk": (found.expected_loss_control, found.expected_loss)}  # fmt: skip


def _lower(one: Mapping[str, Any]) -> dict[str, Any]:
    return {str(key).lower(): value for key, value in one.items()}
