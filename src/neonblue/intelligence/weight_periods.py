"""Units by the weights that they were assigned by: periods between two changes, and their days.

A unit belongs to the period in which it was first exposed: later weights never move it. Within one
period and day every unit had the same known chances, which is what adaptive inference rests on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from neonblue.intelligence.history import current_shares
from neonblue.models import Experiment
from neonblue.stats.adaptive import Batches
from neonblue.stores.unit_query import UnitScope

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.moments import ExperimentMoments

KINDS = ("proportion", "mean")
"""Kinds of metric whose mean over batches is all that adaptive inference needs."""
MAX_STRAY_FRACTION = 0.01
"""Units in a variant that had no chance in their period: a few were on their way when it began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightPeriod:
    """Shares of new units in plan order, since a moment (UTC); None for the first ones."""

    began_at: datetime | None
    state_version: int
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodCounts:
    """Units that came in one period, in plan order, and the shares that they were assigned by."""

    units: tuple[float, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptedUnits:
    """Batches of every metric whose kind can be read, and the units of each period.

    ``stray_fraction`` of the units are in a variant that had no chance when they came; they are in
    no batch.
    """

    batches: Mapping[str, Batches]
    counts: tuple[PeriodCounts, ...]
    stray_fraction: float


def weight_periods(store: Store, experiment: Experiment) -> tuple[WeightPeriod, ...]:
    """The weights that units were assigned by, oldest first; at least one period."""
    found: list[WeightPeriod] = []
    for step in store.experiment_history.of(experiment.experiment_id):
        state = step.experiment
        if state.status == "draft" or state.counted_from != experiment.counted_from:
            continue
        if [v.variant_id for v in state.variants] != [v.variant_id for v in experiment.variants]:
            continue
        shares = tuple(current_shares(state).values())
        if not found or found[-1].shares != shares:
            began = step.recorded_at if found else None
            found.append(
                WeightPeriod(began_at=began, state_version=step.state_version, shares=shares)
            )
    if found:
        return tuple(found)
    shares = tuple(current_shares(experiment).values())
    return (WeightPeriod(began_at=None, state_version=0, shares=shares),)


def units_by_period(store: Store, experiment: Experiment) -> tuple[PeriodCounts, ...]:
    """The units of each period, without any outcome; none where only totals were uploaded."""
    if experiment.source == "aggregated":
        return ()
    periods = weight_periods(store, experiment)
    moments = store.moments.summarise(experiment, metrics=(), scope=_scope(periods))
    return _counts(experiment, periods, moments)


def adapted_units(store: Store, experiment: Experiment) -> AdaptedUnits:
    """Every batch of an experiment from events: one query for all metrics."""
    periods = weight_periods(store, experiment)
    metrics = [metric.name for metric in experiment.metrics if metric.kind in KINDS]
    moments = store.moments.summarise(experiment, metrics=metrics, scope=_scope(periods))
    counts = _counts(experiment, periods, moments)
    stray = sum(
        n for one in counts for n, share in zip(one.units, one.shares, strict=True) if share <= 0
    )
    total = sum(sum(one.units) for one in counts)
    return AdaptedUnits(
        batches={name: _batches(experiment, periods, moments, name) for name in metrics},
        counts=counts,
        stray_fraction=stray / total if total else 0.0,
    )


def _scope(periods: Sequence[WeightPeriod]) -> UnitScope:
    return UnitScope(exposure_edges=tuple(p.began_at for p in periods if p.began_at is not None))


def _period_of(segment: str) -> int:
    return int(segment.split(" ", 1)[0])


def _counts(
    experiment: Experiment, periods: Sequence[WeightPeriod], moments: ExperimentMoments
) -> tuple[PeriodCounts, ...]:
    places = {variant.variant_id: place for place, variant in enumerate(experiment.variants)}
    units = np.zeros((len(periods), len(places)))
    for found in moments.units:
        if found.segment:
            units[_period_of(found.segment), places[found.variant_id]] += found.units
    return tuple(
        PeriodCounts(units=tuple(map(float, row)), shares=period.shares)
        for row, period in zip(units, periods, strict=True)
    )


def _batches(
    experiment: Experiment,
    periods: Sequence[WeightPeriod],
    moments: ExperimentMoments,
    metric: str,
) -> Batches:
    """Rows in order of time: the day sorts as text, the period as a number."""
    segments = sorted(
        (segment for segment in moments.segments if segment),
        key=lambda text: (_period_of(text), text),
    )
    shape = (len(segments), len(experiment.variants))
    n, mean, variance = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    chances = np.zeros(shape)
    for row, segment in enumerate(segments):
        chances[row] = periods[_period_of(segment)].shares
        for column, variant in enumerate(experiment.variants):
            found = moments.summary(metric, variant.variant_id, segment)
            if chances[row, column] > 0:
                n[row, column], mean[row, column] = found.n, found.mean
                variance[row, column] = found.variance
    return Batches(n=n, mean=mean, variance=variance, probability=chances)
