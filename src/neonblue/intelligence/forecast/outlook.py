"""Outcome probabilities and the expected lift.

The probabilities are what the expected improvement implies at the planned size: the posterior
predictive distribution of the result, cut where the plan would call it a success or a failure.
Where an organisation's experiments end otherwise than that (guardrails, early stops), its base
rates set it right. A text model of the variants, if there is one, tilts success against failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from neonblue.intelligence.forecast.implied import implied_outcomes
from neonblue.intelligence.forecast.past import Past
from neonblue.stores.forecasts import Outcome

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
    """``standard_error`` is that of the relative lift at the planned size; the usual one of past
    experiments where it is unknown."""
    from scipy.special import ndtr

    error = standard_error or past.usual_error
    implied = implied_outcomes(past.mean, past.sd, error, alpha)
    likely = _scaled(implied, past.outcome_ratios)
    return Outlook(
        probabilities=_bounded(_tilted(likely, text_probability)),
        expected_lift=past.mean,
        lift_lower=past.mean - INTERVAL_Z * past.sd,
        lift_upper=past.mean + INTERVAL_Z * past.sd,
        interval_level=INTERVAL_LEVEL,
        chance_of_improvement=float(ndtr(past.mean / past.sd)),
    )


def _scaled(
    probabilities: dict[Outcome, float], ratios: Mapping[Outcome, float]
) -> dict[Outcome, float]:
    scaled = {outcome: value * ratios[outcome] for outcome, value in probabilities.items()}
    total = sum(scaled.values())
    return {outcome: value / total for outcome, value in scaled.items()}


def _tilted(
    probabilities: dict[Outcome, float], text_probability: float | None
) -> dict[Outcome, float]:
    if text_probability is None:
        return probabilities
    tilts: dict[Outcome, float] = {
        "success": 2 * text_probability,
        "failure": 2 * (1 - text_probability),
        "neutral": 1.0,
    }
    return _scaled(probabilities, tilts)


def _bounded(probabilities: dict[Outcome, float]) -> dict[Outcome, float]:
    """Never surer than 97 %: nothing that was computed here could justify it."""
    floor = (1 - SUREST) / 2
    return {outcome: floor + (1 - 3 * floor) * value for outcome, value in probabilities.items()}
