"""Cases about posteriors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from benchmarks.conformance.means import _without_bessel, ratio_summary, wald_lift
from benchmarks.conformance.reading import Case, Unmapped, is_proportion, summary_of
from neonblue.models import MetricSummary
from neonblue.stats.bayes import (
    FLAT,
    BetaBelief,
    NormalPrior,
    beta_chances_best,
    beta_losses,
    compare_beta,
    normal_chances_best,
    normal_losses,
    normal_posterior,
)
from neonblue.stats.effect import effect_of


def solve(case: Case) -> dict[str, Any]:
    beliefs = _beliefs(case)
    if len(beliefs) == 2:
        return _two_rates(beliefs) | _many_rates(beliefs)
    if beliefs:
        return _many_rates(beliefs)
    if isinstance(case.get("mean", "means", "mu"), list):
        return _many_normals(case)
    if case.has("mu", "sigma"):
        return _posterior(case, case.number("mu"), case.number("sigma"), 1.0)
    if case.get("estimate", "effect", "data_mean") is not None and case.get("control") is None:
        estimate = case.number("estimate", "effect", "data_mean")
        return _posterior(case, estimate, case.number("se", "data_sd", "standard_error"), 1.0)
    control, treatment, kind = _two_variants(case)
    if case.scale == "absolute":
        effect = effect_of(control, treatment, kind=kind)
        return _posterior(case, effect.difference, effect.standard_error, abs(control.mean))
    lift, error, _ = wald_lift(control, treatment, kind)
    return _posterior(case, lift, error, 1.0 / abs(control.mean))


def _two_variants(case: Case) -> tuple[MetricSummary, MetricSummary, str]:
    if any("den" in key or "m_statistic" in key for key in case.sides[0]):
        control, treatment = (ratio_summary(side) for side in case.sides)
        return control, treatment, "ratio"
    control, treatment = (summary_of(side) for side in case.sides)
    if is_proportion(case.sides[0]):
        control, treatment = _without_bessel(control), _without_bessel(treatment)
    return control, treatment, "mean"


def _posterior(case: Case, estimate: float, error: float, other_scale: float) -> dict[str, Any]:
    better = not (case.get("inverse", default=False) or case.says("lower is better", "inverse"))
    found = normal_posterior(
        estimate, error, prior=_prior(case, other_scale), alpha=case.alpha, higher_is_better=better
    )
    loss_control, loss_treatment = found.expected_loss_control, found.expected_loss
    return {
        "expected": found.mean, "mean": found.mean, "posterior_mean": found.mean, "sd": found.sd,
        "posterior_sd": found.sd, "variance": found.sd**2, "ci": (found.ci_lower, found.ci_upper),
        "chance_to_win": found.chance_to_win, "loss_choose_control": loss_control,
        "loss_choose_treatment": loss_treatment, "risk": (loss_control, loss_treatment),
    }  # fmt: skip


def _prior(case: Case, other_scale: float) -> NormalPrior:
    """``other_scale`` turns a prior that was given on the other scale into this one."""
    given = case.get("prior")
    if given is None and case.get("prior_sd", "prior_variance") is not None:
        given = {"mean": case.get("prior_mean", default=0.0), "sd": case.get("prior_sd"),
                 "variance": case.get("prior_variance")}  # fmt: skip
    if not isinstance(given, Mapping) or given.get("proper") is False:
        return FLAT
    variance = given.get("variance", given.get("var"))
    sd = given.get("sd", given.get("stddev"))
    sd = math.sqrt(variance) if sd is None and variance is not None else sd
    if sd is None:
        raise Unmapped(f"a prior without a spread: {given!r}")
    mean = float(given.get("mean", 0.0))
    prior_scale = str(case.get("prior_type", "prior_scale", default=given.get("type", "")))
    scale = "absolute" if case.scale == "absolute" else "relative"
    factor = other_scale if prior_scale and prior_scale != scale else 1.0
    return NormalPrior(mean=mean * factor, sd=float(sd) * factor)


def _beliefs(case: Case) -> tuple[BetaBelief, ...]:
    arms = case.get("arms", "variants")
    if isinstance(case.get("alpha"), list) and case.get("beta") is not None:
        arms = [
            {"alpha": a, "beta": b}
            for a, b in zip(case.inputs["alpha"], case.inputs["beta"], strict=True)
        ]
    totals = case.get("totals", "n", "trials")
    if isinstance(totals, list):
        arms = [
            {"n": n, "success": x}
            for n, x in zip(totals, case.get("positives", "successes", "success"), strict=True)
        ]
    if arms is None:
        first, second = case.get("a", "control", "c"), case.get("b", "treatment", "t")
        named = [case.inputs[name] for name in "abcdefgh" if isinstance(case.get(name), Mapping)]
        arms = named if len(named) > 2 else [first, second]
    if isinstance(arms, Mapping):
        arms = list(arms.values())
    prior = case.get("prior")
    beta_prior = isinstance(prior, Mapping) and "alpha" in prior
    if not all(isinstance(arm, Mapping) for arm in arms):
        return ()
    if all("alpha" in arm and "beta" in arm for arm in arms):
        return tuple(BetaBelief(alpha=arm["alpha"], beta=arm["beta"]) for arm in arms)
    if beta_prior or isinstance(totals, list) or case.says("beta", "binomial"):
        start = _start(prior)
        summaries = [summary_of(arm) for arm in arms]
        return tuple(start.updated(round(s.mean * s.n, 6), s.n) for s in summaries)
    return ()


def _start(prior: Any) -> BetaBelief:
    if isinstance(prior, Mapping) and "alpha" in prior:
        return BetaBelief(alpha=prior["alpha"], beta=prior["beta"])
    if isinstance(prior, list) and len(prior) == 2:
        return BetaBelief(alpha=prior[0], beta=prior[1])
    jeffreys = isinstance(prior, str) and "jeffreys" in prior.lower()
    return BetaBelief(alpha=0.5, beta=0.5) if jeffreys else BetaBelief(alpha=1.0, beta=1.0)


def _two_rates(beliefs: tuple[BetaBelief, ...]) -> dict[str, Any]:
    control, treatment = beliefs
    found = compare_beta(control, treatment)
    return {
        "p_b_beats_a": found.chance_to_win, "p_a_beats_b": 1.0 - found.chance_to_win,
        "chance_to_win": found.chance_to_win, "loss_choose_b": found.expected_loss,
        "loss_choose_a": found.expected_loss_control,
        "loss_choose_treatment": found.expected_loss,
        "loss_choose_control": found.expected_loss_control,
        "expected": treatment.mean - control.mean,
        "sd": math.sqrt(control.variance + treatment.variance),
        "mean_a": control.mean, "mean_b": treatment.mean,
        "ci_a": control.interval(), "ci_b": treatment.interval(),
    }  # fmt: skip


def _many_rates(beliefs: tuple[BetaBelief, ...]) -> dict[str, Any]:
    losses = beta_losses(beliefs)
    return {"p_best": beta_chances_best(beliefs), "expected_loss": losses, "losses": losses,
            "loss": losses, "means": [b.mean for b in beliefs]}  # fmt: skip


def _many_normals(case: Case) -> dict[str, Any]:
    means = case.get("mean", "means", "mu")
    sds = case.get("sd", "sds", "sigma", "se", "std")
    if sds is None:
        sds = [math.sqrt(v) for v in case.get("variance", "var")]
    losses = normal_losses(means, sds)
    return {"p_best": normal_chances_best(means, sds), "expected_loss": losses, "losses": losses,
            "loss": losses}  # fmt: skip
