"""What the organisation's past experiments say a lift is likely to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from neonblue.models import Experiment
from neonblue.stats.bayes import prior_from_past

if TYPE_CHECKING:
    from neonblue.stores import Store

DEFAULT_SD = 0.1


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
    learnt = prior_from_past(
        [item.relative_lift for item in past], [item.standard_error for item in past]
    )
    if learnt is None:
        return Prior(mean=0.0, sd=DEFAULT_SD, origin="a default; there are few past experiments")
    return Prior(mean=learnt.mean, sd=learnt.sd, origin=f"{len(past)} past comparisons")
