"""What is to be believed of a lift, given what lifts of its family are usually like."""

from __future__ import annotations

import math

from neonblue.intelligence.priors import Prior
from neonblue.models.experiment import Direction
from neonblue.stats import lift_prior
from neonblue.stats.comparison import Comparison
from neonblue.stats.lift_prior import LiftPosterior


def lift_posterior(found: Comparison, direction: Direction, prior: Prior) -> LiftPosterior | None:
    """Through the log of the ratio of means; its mean is the shrunken lift.

    None where a lift means nothing: a mean at or below zero.
    """
    lift, error = found.relative_lift, found.log_ratio_standard_error
    if lift is None or not -1.0 < lift < math.inf or error is None or not 0.0 < error < math.inf:
        return None
    return lift_prior.lift_posterior(
        math.log1p(lift),
        error,
        prior=prior.lifts,
        higher_is_better=direction == "increase",
    )
