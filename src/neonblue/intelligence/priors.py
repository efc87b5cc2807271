"""What the organisation's past experiments say a lift of each metric is likely to be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neonblue.models import Experiment, MetricDefinition, MetricKind
from neonblue.models.experiment import Direction
from neonblue.stats.lift_prior import LiftPrior, archive_prior, learnt_prior, plan_prior

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.outcomes import Outcome

MIN_FAMILY = 5
"""Past comparisons of the very same events that are enough by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What lifts of one metric are likely to be; ``origin`` says where that comes from."""

    lifts: LiftPrior
    origin: str


def lift_priors(store: Store, experiment: Experiment) -> Mapping[str, Prior]:
    """Each metric's prior by its name: the plan's own, or learnt from past ones of its family."""
    if experiment.prior_sd is not None:
        stated = plan_prior(mean=experiment.prior_mean, sd=experiment.prior_sd)
        return {item.name: Prior(lifts=stated, origin="the plan") for item in experiment.metrics}
    past = distinct(store.outcomes.past(apart_from=experiment.experiment_id))
    families: dict[tuple[MetricKind, str, Direction], Prior] = {}
    for metric in experiment.metrics:
        key = metric.kind, metric.event_type, metric.direction
        if key not in families:
            families[key] = _of_family(metric, past)
    return {
        item.name: families[item.kind, item.event_type, item.direction]
        for item in experiment.metrics
    }


def distinct(past: Sequence[Outcome]) -> list[Outcome]:
    """Past comparisons that have a log ratio, each once.

    The same figures under another experiment's id are a copy of it, no second experiment.
    """
    found = {
        (item.kind, item.units, item.relative_lift, item.standard_error): item
        for item in past
        if -1.0 < item.relative_lift < math.inf and 0.0 < item.standard_error < math.inf
    }
    return list(found.values())


def _of_family(metric: MetricDefinition, past: Sequence[Outcome]) -> Prior:
    """From comparisons of the same events, else of the same kind that should go the same way."""
    alike = [item for item in past if item.kind == metric.kind]
    same = [item for item in alike if item.event_type == metric.event_type]
    if len(same) >= MIN_FAMILY:
        return _learnt(same, f"{len(same)} past comparisons of the same events")
    wider = [item for item in alike if item.direction == metric.direction]
    family = list({id(item): item for item in (*same, *wider)}.values())
    way = "rise" if metric.direction == "increase" else "fall"
    if not family:
        what = f"public archives; no past {metric.kind} that should {way} is known"
        return Prior(lifts=archive_prior(), origin=what)
    what = f"public archives and {len(family)} past comparisons of a {metric.kind} that"
    return _learnt(family, f"{what} should {way}")


def _learnt(family: Sequence[Outcome], origin: str) -> Prior:
    signs = [1.0 if item.direction == "increase" else -1.0 for item in family]
    log_ratios = [
        sign * math.log1p(item.relative_lift) for sign, item in zip(signs, family, strict=True)
    ]
    return Prior(
        lifts=learnt_prior(log_ratios, [item.standard_error for item in family]), origin=origin
    )
