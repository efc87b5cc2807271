"""Posteriors, chances to be best, and what many experiments say together."""

from typing import Any

from tests.conformance.cases import Answer, Given, available, summed, wald_lift

from neonblue.models import MetricSummary
from neonblue.stats.bayes import (
    FLAT,
    BetaBelief,
    NormalPosterior,
    NormalPrior,
    compare_beta,
    normal_chances_best,
    normal_posterior,
)
from neonblue.stats.comparison import compare
from neonblue.stats.meta import random_effects


def flat_prior(given: Given) -> dict[str, Any]:
    return _posterior(summed(given["control"]), summed(given["treatment"]), FLAT)


def stated_prior(given: Given) -> dict[str, Any]:
    prior = NormalPrior(mean=given["prior"]["mean"], sd=given["prior"]["variance"] ** 0.5)
    return _posterior(summed(given["control"]), summed(given["treatment"]), prior)


def shrunk_proportion(given: Given) -> dict[str, Any]:
    prior = NormalPrior(mean=given["prior"]["mean"], sd=given["prior"]["sd"])
    control, treatment = (_plain(given[side]) for side in ("control", "treatment"))
    return _posterior(control, treatment, prior)


def losses(given: Given) -> dict[str, Any]:
    return _losses(normal_posterior(given["mu"], given["sigma"]))


def two_rates(given: Given) -> dict[str, Any]:
    found = compare_beta(BetaBelief(**given["A"]), BetaBelief(**given["B"]))
    return {
        "p_b_beats_a": found.chance_to_win,
        "loss_choose_B": found.expected_loss,
        "loss_choose_A": found.expected_loss_control,
    }


def best_of_three(given: Given) -> dict[str, Any]:
    return {"p_best": normal_chances_best(given["mean"], given["sd"])}


def shrunk_effects(given: Given) -> dict[str, Any]:
    found = random_effects(given["effects"], given["variances"], method=given["method"])
    return {"shrunk": found.shrunk, "se": found.shrunk_standard_errors}


def _posterior(
    control: MetricSummary, treatment: MetricSummary, prior: NormalPrior
) -> dict[str, Any]:
    lift = wald_lift(available(compare(control, treatment, kind="mean")))
    found = normal_posterior(lift["effect"], lift["se"], prior=prior)
    return {
        "expected": found.mean,
        "sd": found.sd,
        "ci": (found.ci_lower, found.ci_upper),
        "chance_to_win": found.chance_to_win,
        **_losses(found),
    }


def _losses(found: NormalPosterior) -> dict[str, Any]:
    return {
        "loss_choose_control": found.expected_loss_control,
        "loss_choose_treatment": found.expected_loss,
    }


def _plain(one: Given) -> MetricSummary:
    p = one["sum"] / one["n"]
    return MetricSummary(n=float(one["n"]), mean=p, variance=p * (1.0 - p))


ANSWERS: dict[str, Answer] = {
    "gb_bayes_flat_rel": flat_prior,
    "gb_bayes_prior_rel": stated_prior,
    "gb_bayes_shrunk_prop": shrunk_proportion,
    "gb_risk_values": losses,
    "beta_small": two_rates,
    "normal_pbest_3": best_of_three,
    "eb_blup": shrunk_effects,
}
