"""Which outcomes a distribution of true improvements implies, and how often they came instead."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from neonblue.stores.forecasts import Outcome

USUAL_ALPHA = 0.05
RATIO_WEIGHT = 10.0


def implied_outcomes(
    mean: float, sd: float, standard_error: float, alpha: float
) -> dict[Outcome, float]:
    """What an experiment of this precision would show, over all improvements that are likely."""
    from scipy.special import ndtr, ndtri

    bar = float(ndtri(1 - alpha / 2)) * standard_error
    spread = math.hypot(sd, standard_error)
    success, failure = float(ndtr((mean - bar) / spread)), float(ndtr((-mean - bar) / spread))
    return {"success": success, "failure": failure, "neutral": 1 - success - failure}


def outcome_ratios(
    happened: Mapping[Outcome, int], mean: float, sd: float, errors: Sequence[float]
) -> dict[Outcome, float]:
    """How much more often each outcome happened than improvements alone would have it.

    Drawn towards 1 by as many imaginary experiments as chance would need to be told from a rule.
    """
    implied = [implied_outcomes(mean, sd, error, USUAL_ALPHA) for error in errors]
    return {
        outcome: (count + RATIO_WEIGHT) / (sum(one[outcome] for one in implied) + RATIO_WEIGHT)
        for outcome, count in happened.items()
    }
