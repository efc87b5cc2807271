"""Sufficient statistics of an experiment, from its events or its uploaded aggregates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neonblue.intelligence.rejected_rows import RejectedRows, rejected_rows
from neonblue.models import Experiment, MetricDefinition, MetricSummary
from neonblue.models.untimed import known_time

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.lost_events import Strays
    from neonblue.stores.moments import ValueShape

# Fewer units with events and no exposure say nothing, and looking at them costs two more passes.
LEAST_STRAYS = 5
EMPTY = MetricSummary(n=0.0, mean=0.0, variance=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summaries:
    """Counts of units by variant in plan order, and one summary a metric and variant.

    ``early_units`` (in plan order) have a metric event before their exposure; ``strays`` are units
    with metric events and no exposure, None where there are too few to ask about. ``rejected`` are
    rows that loads left out.
    """

    units: NDArray[np.float64]
    multiple_variant_units: int
    unplanned_units: int
    first_exposure_at: datetime | None
    last_event_at: datetime | None
    overall: dict[tuple[str, str], MetricSummary]
    shapes: Mapping[tuple[str, str], ValueShape] = field(default_factory=dict)
    early_units: NDArray[np.float64] | None = None
    unexposed_units: int = 0
    strays: Strays | None = None
    last_exposure_at: datetime | None = None
    rejected: RejectedRows | None = None

    def units_ended(self, now: datetime) -> bool:
        """Whether no unit has come for half of the time since the first one."""
        first, last = self.first_exposure_at, self.last_exposure_at
        return first is not None and last is not None and last - first < (now - first) / 2

    def of(self, metric: str, variant: str) -> MetricSummary:
        """One metric in one variant; n = 0 without units."""
        return self.overall.get((metric, variant), EMPTY)

    def nonnegative(self, metric: MetricDefinition) -> bool:
        """Whether no unit's value is known to be, or may be, below zero."""
        lowest = [shape.lowest for (name, _), shape in self.shapes.items() if name == metric.name]
        return metric.kind == "proportion" or (bool(lowest) and min(lowest) >= 0.0)


def read_summaries(store: Store, experiment: Experiment) -> Summaries:
    """One query for all metrics of a plan, or the newest uploaded totals."""
    if experiment.source == "aggregated":
        return _from_aggregates(store, experiment)
    moments = store.moments.summarise(experiment)
    return Summaries(
        units=np.array([moments.n(v.variant_id) for v in experiment.variants], dtype=float),
        multiple_variant_units=moments.multiple_variant_units,
        unplanned_units=moments.unplanned_units,
        first_exposure_at=moments.first_exposure_at,
        last_event_at=moments.last_event_at,
        last_exposure_at=moments.last_exposure_at,
        rejected=rejected_rows(store, experiment),
        overall={(metric, variant): s for (metric, variant, _), s in moments.summaries.items()},
        shapes={(metric, variant): s for (metric, variant, _), s in moments.shapes.items()},
        early_units=np.array(
            [moments.early_units.get(v.variant_id, 0) for v in experiment.variants], dtype=float
        ),
        unexposed_units=moments.unexposed_units,
        strays=(
            store.lost_events.strays(experiment)
            if moments.unexposed_units >= LEAST_STRAYS
            else None
        ),
    )


def _from_aggregates(store: Store, experiment: Experiment) -> Summaries:
    latest = store.aggregates.latest(experiment.experiment_id)
    overall = {(item.metric, item.variant_id): item.summary for item in latest}
    return Summaries(
        units=np.array([_most_units(overall, v.variant_id) for v in experiment.variants]),
        multiple_variant_units=0,
        unplanned_units=0,
        first_exposure_at=None,
        last_event_at=known_time(max((item.observed_at for item in latest), default=None)),
        overall=overall,
        rejected=rejected_rows(store, experiment),
    )


def _most_units(overall: dict[tuple[str, str], MetricSummary], variant: str) -> float:
    """Metrics of one upload may cover different units; the widest stands for the variant."""
    return max((s.n for (_, v), s in overall.items() if v == variant), default=0.0)
