"""Cases about many experiments at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.conformance.reading import Case, Unmapped
from neonblue.stats.comparison import interval, p_value
from neonblue.stats.meta import random_effects, shrunk_effect

METHODS = {"reml": "REML", "dl": "DL", "dersimonian-laird": "DL", "pm": "PM", "paule-mandel": "PM",
           "eb": "PM", "ml": "ML", "fe": "FE", "ee": "FE", "ce": "FE", "he": "HE"}  # fmt: skip


def solve(case: Case) -> dict[str, Any]:
    effects = case.get("effects", "yi", "y", "estimates", "lifts")
    if not isinstance(effects, list):
        return _one(case)
    variances = case.get("variances", "vi", "v")
    if variances is None:
        errors = case.get("se", "ses", "sei", "standard_errors")
        variances = [error**2 for error in errors]
    method = str(case.get("method", default="REML")).lower()
    if method not in METHODS:
        raise Unmapped(f"no estimator of tau squared is called {method!r}")
    found = random_effects(effects, variances, method=METHODS[method])  # type: ignore[arg-type]
    z = found.mean / found.standard_error
    inf = float("inf")
    spread = (found.tau_squared + found.standard_error**2) ** 0.5
    return {
        "shrunk": found.shrunk, "se": found.shrunk_standard_errors
        if case.wants("shrunk", "blup", "pred") else found.standard_error,
        "se_shrunk": found.shrunk_standard_errors, "mu": found.mean, "se_mu": found.standard_error,
        "tau2": found.tau_squared, "tau": found.tau_squared**0.5, "q": found.q,
        "q_p": found.q_p_value, "qep": found.q_p_value, "qe": found.q, "i2": 100 * found.i_squared,
        "h2": 1.0 / (1.0 - found.i_squared), "z": z, "p": p_value(z, inf, "two-sided"),
        "ci": interval(found.mean, found.standard_error, inf, case.alpha, "two-sided"),
        "pi": interval(found.mean, spread, inf, case.alpha, "two-sided"),
        "weights": 100.0 * _weights(np.asarray(variances), found.tau_squared),
    }  # fmt: skip


def _weights(variances: np.ndarray, tau_squared: float) -> np.ndarray:
    weights = 1.0 / (variances + tau_squared)
    return np.asarray(weights / weights.sum())


def _one(case: Case) -> dict[str, Any]:
    variance = case.get("variance")
    variance = case.number("se") ** 2 if variance is None else float(variance)
    prior = case.get("prior_variance", "tau2")
    prior = case.number("prior_sd", "tau") ** 2 if prior is None else float(prior)
    mean, error = shrunk_effect(
        case.number("effect", "estimate", "y"), variance,
        prior_mean=float(case.get("prior_mean", "mu", default=0.0)), prior_variance=prior,
    )  # fmt: skip
    return {"shrunk": mean, "se": error, "posterior_mean": mean, "posterior_sd": error}
