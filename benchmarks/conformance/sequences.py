"""Cases about anytime-valid inference."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from benchmarks.conformance.means import _without_bessel, ratio_summary, wald_lift
from benchmarks.conformance.reading import Case, Unmapped, is_proportion, summary_of
from neonblue.stats.bernoulli_sequence import bernoulli_log_e, bernoulli_sequence
from neonblue.stats.effect import effect_of
from neonblue.stats.sequential_mixture import (
    anytime_t_half_width,
    anytime_t_log_e,
    approximate_one_sided_half_width,
    critical_value,
    howard_bound,
    howard_log_e,
    howard_rho,
    log_e_value,
    mixture_sequence,
    msprt_log_e,
    one_sided_critical_value,
    one_sided_log_e_value,
    tuned_variance,
)

PLANNED = ("n_star", "n*", "planned_n", "sequential_tuning_parameter", "tuning", "tuning_parameter")
ALREADY = ("t_squared", "t2", "t_stat", "t")


def solve(case: Case) -> dict[str, Any]:
    if case.get("successes", "success") is not None:
        return _bernoulli(case)
    if case.get("phi") is not None and case.get(*ALREADY) is not None:
        return _anytime_t(case)
    if case.get(*PLANNED) is not None:
        return _asymptotic(case)
    if case.get("tau", "tau2", "tau_squared", "mixing_variance", "prior_sd", "phi") is not None:
        return _msprt(case)
    if case.get("v") is not None:
        return _howard(case)
    if case.get("rho", "rho2", "r") is not None:
        return _given_rho(case)
    raise Unmapped(f"no sequence takes {sorted(case.inputs)}")


def _asymptotic(case: Case) -> dict[str, Any]:
    estimate, error, n = _estimate(case)
    estimate -= float(case.get("test_value", default=0.0))
    planned = case.number(*PLANNED)
    if case.is_one_sided:
        return _asymptotic_one_sided(case, estimate, error, n, planned)
    found = mixture_sequence(estimate, error, n=n, planned_n=planned, alpha=case.alpha)
    return _sequence(estimate, error, found.half_width, found.log_e_value) | {
        "r": found.information_ratio,
        "rho": math.sqrt(found.information_ratio / n),
        "rho2": found.information_ratio / n,
    }


def _asymptotic_one_sided(
    case: Case, estimate: float, error: float, n: float, planned: float
) -> dict[str, Any]:
    """Waudby-Smith et al. (2024): the closed bound where gbstats is meant, else the exact one."""
    less = case.alternative == "less"
    rho2 = float(tuned_variance(planned_n=planned, alpha=min(2.0 * case.alpha, 0.5)))
    z = (-estimate if less else estimate) / error
    log_e = float(one_sided_log_e_value(z, n * rho2))
    if case.says("exact", "confseq", "howard"):
        half = error * float(one_sided_critical_value(n * rho2, alpha=case.alpha))
    else:
        half = float(
            approximate_one_sided_half_width(error, n=n, rho_squared=rho2, alpha=case.alpha)
        )
        log_e = _closed_log_e(z, n * rho2)
    limits = (-math.inf, estimate + half) if less else (estimate - half, math.inf)
    return _sequence(estimate, error, half, log_e) | {"ci": limits, "r": n * rho2}


def _closed_log_e(z: float, r: float) -> float:
    """-log of the alpha at which the closed one-sided bound touches zero."""
    grown = math.expm1(z * z * r / (2.0 * (1.0 + r)))
    if z <= 0.0 or grown <= 0.0:
        return -math.inf
    return math.log(2.0 * grown / math.sqrt(1.0 + r))


def _estimate(case: Case) -> tuple[float, float, float]:
    """(effect, standard error, total units) however they are given."""
    if case.get("control", "c", "a") is None:
        n = case.get("n", "n_total")
        error = case.get("se", "standard_error")
        if error is None:
            error = math.sqrt(case.number("variance", "var") / float(n))
        return case.number("effect", "estimate", "diff"), float(error), float(n)
    if any("den" in key or "m_statistic" in key for key in case.sides[0]):
        control, treatment, kind = *(ratio_summary(s) for s in case.sides), "ratio"
    else:
        control, treatment, kind = *(summary_of(s) for s in case.sides), "mean"
        if is_proportion(case.sides[0]) and not case.says("bessel"):
            control, treatment = _without_bessel(control), _without_bessel(treatment)
    n = control.n + treatment.n
    if case.is_relative:
        lift, error, _ = wald_lift(control, treatment, kind)
        return lift, error, n
    effect = effect_of(control, treatment, kind=kind)
    return float(effect.difference), float(effect.standard_error), n


def _sequence(estimate: float, error: float, half: float, log_e: float) -> dict[str, Any]:
    return {
        "effect": estimate, "se": error, "ci": (estimate - half, estimate + half),
        "half_width": half, "p": math.exp(-max(float(log_e), 0.0)), "log_e": float(log_e),
        "e": math.exp(min(float(log_e), 700.0)),
    }  # fmt: skip


def _howard(case: Case) -> dict[str, Any]:
    v, alpha = np.asarray(case.get("v"), dtype=float), case.alpha
    rho = case.get("rho")
    v_opt = case.get("v_opt")
    alpha_opt = float(case.get("alpha_opt", default=0.05))
    if v_opt is None:
        if rho is None:
            raise Unmapped("neither v_opt nor rho")
        v_opt = float(rho) / howard_rho(v_opt=1.0, alpha_opt=alpha_opt)
    tuned = {"v_opt": float(v_opt), "alpha_opt": alpha_opt}
    one, two = {"one_sided": True}, {"one_sided": False}
    answers: dict[str, Any] = {
        "two_sided_bound": howard_bound(v, alpha=alpha, **tuned, **two),
        "one_sided_bound": howard_bound(v, alpha=alpha, **tuned, **one),
        "rho": howard_rho(v_opt=float(v_opt), alpha_opt=alpha_opt),
        "rho_one_sided": howard_rho(v_opt=float(v_opt), alpha_opt=alpha_opt, one_sided=True),
    }
    chosen = "one_sided_bound" if case.is_one_sided else "two_sided_bound"
    answers["bound"] = answers["boundary"] = answers[chosen]
    if (s := case.get("s")) is not None:
        sided = howard_log_e(np.asarray(s, dtype=float), v, **tuned, one_sided=case.is_one_sided)
        answers |= {
            "log_e": sided, "e": np.exp(sided), "p": np.exp(-np.maximum(sided, 0.0)),
            "log_e_two_sided": howard_log_e(s, v, **tuned, **two),
            "log_e_one_sided": howard_log_e(s, v, **tuned, **one),
        }  # fmt: skip
    return answers


def _bernoulli(case: Case) -> dict[str, Any]:
    successes, n = case.number("successes", "success"), case.number("n", "trials")
    t_opt = float(case.get("t_opt", default=n))
    alpha_opt = float(case.get("alpha_opt", default=0.05))
    limits = bernoulli_sequence(successes, n, t_opt=t_opt, alpha=case.alpha, alpha_opt=alpha_opt)
    answers: dict[str, Any] = {"ci": limits, "estimate": successes / n}
    if (null := case.get("null", "p0", "p")) is not None:
        log_e = bernoulli_log_e(successes, n, null=float(null), t_opt=t_opt, alpha_opt=alpha_opt)
        answers |= {"log_e": log_e, "e": math.exp(log_e), "p": math.exp(-max(log_e, 0.0))}
    return answers


def _anytime_t(case: Case) -> dict[str, Any]:
    squared = case.get("t_squared", "t2")
    squared = case.number("t_stat", "t") ** 2 if squared is None else float(squared)
    nu, phi = case.number("nu", "df"), case.number("phi")
    z2 = case.number("z2", "z_squared")
    log_e = float(anytime_t_log_e(squared, degrees_of_freedom=nu, phi=phi, z_squared=z2))
    answers: dict[str, Any] = {
        "log_bayes_factor": log_e, "e": math.exp(min(log_e, 700.0)),
        "p": math.exp(-max(log_e, 0.0)),
    }  # fmt: skip
    if (error := case.get("se", "standard_error", "stderr")) is not None:
        half = anytime_t_half_width(
            float(error), degrees_of_freedom=nu, phi=phi, z_squared=z2, alpha=case.alpha
        )
        estimate = float(case.get("estimate", "effect", default=math.sqrt(squared) * float(error)))
        answers |= {"half_width": half, "ci": (estimate - half, estimate + half)}
    return answers


def _msprt(case: Case) -> dict[str, Any]:
    """Normal prior of variance tau squared on the effect."""
    if case.get("control", "estimate", "effect", "diff", "theta", "delta") is None:
        raise Unmapped("no estimate")
    if case.get("control", "c", "a") is not None:
        estimate, error, n = _estimate(case)
    else:
        estimate = case.number("estimate", "effect", "diff", "theta", "delta")
        variance = case.get("v", "variance_of_estimate", "var_estimate")
        n = float(case.get("n", "n_total", default=1.0))
        error = case.get("se", "standard_error")
        if error is None and variance is not None:
            error = math.sqrt(variance)
        elif error is None:
            error = math.sqrt(case.number("variance", "var", "sigma2") / n)
    squared = case.get("tau2", "tau_squared", "mixing_variance")
    if squared is None and case.get("phi") is not None:
        squared = n * float(error) ** 2 / case.number("phi")
    sd = case.number("tau", "prior_sd") if squared is None else math.sqrt(squared)
    error = float(error)
    log_e = float(msprt_log_e(estimate, error, prior_sd=sd))
    half = error * float(critical_value((sd / error) ** 2, alpha=case.alpha))
    return _sequence(estimate, error, half, log_e) | {"lambda": math.exp(min(log_e, 700.0)),
                                                      "log_lambda": log_e}  # fmt: skip


def _given_rho(case: Case) -> dict[str, Any]:
    """The mixture with its tuning written out."""
    estimate, error, n = _estimate(case)
    r = case.get("r")
    if r is None:
        rho2 = case.get("rho2", default=float(case.get("rho", default=0.0)) ** 2)
        r = n * float(rho2)
    half = error * float(critical_value(float(r), alpha=case.alpha))
    return _sequence(estimate, error, half, float(log_e_value(estimate / error, float(r))))
