"""What is to be believed of a lift, given what lifts are usually like."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from scipy.special import ndtr

from neonblue.intelligence.priors import Prior
from neonblue.stats.comparison import Comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftPosterior:
    """On the relative scale: a fraction. ``mean`` is the shrunken lift."""

    mean: float
    sd: float
    chance_to_win: float
    expected_loss: float


def lift_posterior(
    found: Comparison, direction: Literal["increase", "decrease"], prior: Prior
) -> LiftPosterior | None:
    """Normal prior and likelihood; None where a lift means nothing."""
    lift, error = found.relative_lift, found.log_ratio_standard_error
    if lift is None or error is None or error <= 0:
        return None
    precision = 1 / error**2 + 1 / prior.sd**2
    mean = (lift / error**2 + prior.mean / prior.sd**2) / precision
    sd = math.sqrt(1 / precision)
    score = mean / sd if direction == "increase" else -mean / sd
    density = math.exp(-score * score / 2) / math.sqrt(2 * math.pi)
    return LiftPosterior(
        mean=mean,
        sd=sd,
        chance_to_win=float(ndtr(score)),
        expected_loss=max(0.0, sd * (density - score * float(ndtr(-score)))),
    )
