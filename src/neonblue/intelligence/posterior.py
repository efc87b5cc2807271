"""What is to be believed of a lift, given what lifts are usually like."""

from __future__ import annotations

from neonblue.intelligence.priors import Prior
from neonblue.models.experiment import Direction
from neonblue.stats.bayes import NormalPosterior, NormalPrior, normal_posterior
from neonblue.stats.comparison import Comparison


def lift_posterior(found: Comparison, direction: Direction, prior: Prior) -> NormalPosterior | None:
    """On the relative scale; its mean is the shrunken lift. None where a lift means nothing."""
    lift, error = found.relative_lift, found.log_ratio_standard_error
    if lift is None or error is None or error <= 0:
        return None
    return normal_posterior(
        lift,
        error,
        prior=NormalPrior(mean=prior.mean, sd=prior.sd),
        higher_is_better=direction == "increase",
    )
