"""What the organisation's past experiments say a lift is likely to be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neonblue.models import Experiment

if TYPE_CHECKING:
    from neonblue.stores import Store

DEFAULT_SD = 0.1
FEWEST_EXPERIMENTS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """A normal distribution of true relative lifts; ``origin`` says where it comes from."""

    mean: float
    sd: float
    origin: str


def lift_prior(store: Store, experiment: Experiment) -> Prior:
    """The plan's own prior, else the spread of past lifts, else 0 ± 10 %."""
    if experiment.prior_sd is not None:
        return Prior(mean=experiment.prior_mean, sd=experiment.prior_sd, origin="the plan")
    past = store.outcomes.past(apart_from=experiment.experiment_id)
    if len(past) < FEWEST_EXPERIMENTS:
        return Prior(mean=0.0, sd=DEFAULT_SD, origin="a default; there are few past experiments")
    lifts = [item.relative_lift for item in past]
    mean = sum(lifts) / len(lifts)
    noise = sum(item.standard_error**2 for item in past) / len(past)
    spread = sum((lift - mean) ** 2 for lift in lifts) / (len(lifts) - 1)
    sd = math.sqrt(max(spread - noise, (DEFAULT_SD / 20) ** 2))
    return Prior(mean=mean, sd=sd, origin=f"{len(past)} past comparisons")
