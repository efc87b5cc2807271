"""Outcome probabilities and the expected lift.

Two estimates are averaged: how similar experiments ended (their outcomes, weighted by resemblance,
on top of the organisation's base rates), and what the expected improvement implies at the planned
size. A text model of the variants, if there is one, tilts success against failure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from neonblue.intelligence.forecast.past import Past
from neonblue.stores.forecasts import Outcome

BASE_WEIGHT = 2.0
INTERVAL_LEVEL = 0.9
INTERVAL_Z = 1.6448536269514722
SUREST = 0.97


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Probabilities sum to 1; the interval holds the true improvement with 90 % probability."""

    probabilities: dict[Outcome, float]
    expected_lift: float
    lift_lower: float
    lift_upper: float
    interval_level: float
    chance_of_improvement: float


def outlook(
    past: Past,
    *,
    standard_error: float | None,
    alpha: float,
    text_probability: float | None = None,
) -> Outlook:
    """``standard_error`` is that of the relative lift at the planned size, None while unknown."""
    from scipy.special import ndtr

    estimates = [outcome_shares(past)]
    if standard_error is not None:
        estimates.append(implied_outcomes(past.mean, past.sd, standard_error, alpha))
    averaged: dict[Outcome, float] = {
        outcome: sum(estimate[outcome] for estimate in estimates) / len(estimates)
        for outcome in past.base_rates
    }
    return Outlook(
        probabilities=_bounded(_tilted(averaged, text_probability)),
        expected_lift=past.mean,
        lift_lower=past.mean - INTERVAL_Z * past.sd,
        lift_upper=past.mean + INTERVAL_Z * past.sd,
        interval_level=INTERVAL_LEVEL,
        chance_of_improvement=float(ndtr(past.mean / past.sd)),
    )


def outcome_shares(past: Past) -> dict[Outcome, float]:
    """Outcomes of similar experiments, weighted by resemblance, over the base rates."""
    totals = {outcome: BASE_WEIGHT * rate for outcome, rate in past.base_rates.items()}
    for item in past.similar:
        if item.past.outcome in totals:
            totals[item.past.outcome] += item.resemblance
    weight = sum(totals.values())
    return {outcome: total / weight for outcome, total in totals.items()}


def implied_outcomes(
    mean: float, sd: float, standard_error: float, alpha: float
) -> dict[Outcome, float]:
    """What an experiment of this precision would show, over all improvements that are likely."""
    from scipy.special import ndtr, ndtri

    bar = float(ndtri(1 - alpha / 2)) * standard_error
    spread = math.hypot(sd, standard_error)
    success, failure = float(ndtr((mean - bar) / spread)), float(ndtr((-mean - bar) / spread))
    return {"success": success, "failure": failure, "neutral": 1 - success - failure}


def _tilted(
    probabilities: dict[Outcome, float], text_probability: float | None
) -> dict[Outcome, float]:
    if text_probability is None:
        return probabilities
    tilted = dict(probabilities)
    tilted["success"] *= 2 * text_probability
    tilted["failure"] *= 2 * (1 - text_probability)
    total = sum(tilted.values())
    return {outcome: value / total for outcome, value in tilted.items()}


def _bounded(probabilities: dict[Outcome, float]) -> dict[Outcome, float]:
    """Never surer than 97 %: nothing that was computed here could justify it."""
    floor = (1 - SUREST) / 2
    return {outcome: floor + (1 - 3 * floor) * value for outcome, value in probabilities.items()}
