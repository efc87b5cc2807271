"""The decisive comparison day by day, as every look so far would have seen it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from neonblue.intelligence.charts import SequencePoint
from neonblue.intelligence.effects import textbook
from neonblue.intelligence.terms import Terms
from neonblue.models import Experiment, MetricDefinition, MetricSummary
from neonblue.models.untimed import UNTIMED
from neonblue.stats.comparison import InsufficientData
from neonblue.stats.moments import merged

if TYPE_CHECKING:
    from neonblue.stores import Store

# Units of files without times count at every day, and have none of their own.
NO_DAY = UNTIMED.date().isoformat()
EMPTY = MetricSummary(n=0.0, mean=0.0, variance=0.0)
Step = tuple[datetime, MetricSummary, MetricSummary]


def timeline(
    store: Store,
    experiment: Experiment,
    metric: MetricDefinition,
    variant: str,
    *,
    terms: Terms,
    as_of: datetime,
) -> list[SequencePoint]:
    """One point a day of first exposure (or an uploaded moment), each over all units so far.

    Units count with all they have done until now, so earlier points may differ a little from what
    was seen then; the ledger of looks has that.
    """
    steps = cumulative_steps(store, experiment, metric, variant, as_of)
    points = (_point(experiment, metric, variant, step, terms) for step in steps)
    return [point for point in points if point is not None]


def daily_summaries(
    store: Store, experiment: Experiment, metric: str
) -> dict[str, list[tuple[date, MetricSummary]]]:
    """Each variant's units by their day of first exposure, with all they have done until now.

    An upload has its totals at each moment instead. Empty where nothing has a time.
    """
    names = [variant.variant_id for variant in experiment.variants]
    if experiment.source == "aggregated":
        series = store.aggregates.series(experiment.experiment_id)
        timed = [s for s in series if s.metric == metric and s.observed_at != UNTIMED]
        return {
            name: [(s.observed_at.date(), s.summary) for s in timed if s.variant_id == name]
            for name in names
        }
    from neonblue.stores.unit_query import UnitScope

    scope = UnitScope(by_exposure_day=True)
    found = store.moments.summarise(experiment, metrics=[metric], scope=scope)
    days = [day for day in found.segments if day != NO_DAY]
    return {
        name: [(date.fromisoformat(day), found.summary(metric, name, day)) for day in days]
        for name in names
    }


def cumulative_steps(
    store: Store,
    experiment: Experiment,
    metric: MetricDefinition,
    variant: str,
    as_of: datetime,
) -> Iterator[Step]:
    """Control's and a variant's summaries over all units so far, a step a day or upload."""
    if experiment.source == "aggregated":
        return _uploaded(store, experiment, metric.name, variant)
    return _cohorts(store, experiment, metric.name, variant, as_of)


def _cohorts(
    store: Store, experiment: Experiment, metric: str, variant: str, as_of: datetime
) -> Iterator[Step]:
    from neonblue.stores.unit_query import UnitScope

    scope = UnitScope(by_exposure_day=True)
    found = store.moments.summarise(experiment, metrics=[metric], scope=scope)
    control_id = experiment.control.variant_id
    control, treatment = EMPTY, EMPTY
    for day in found.segments:
        control = merged(control, found.summary(metric, control_id, day))
        treatment = merged(treatment, found.summary(metric, variant, day))
        if day == NO_DAY:
            continue
        midnight = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=1)
        yield min(midnight, as_of), control, treatment


def _uploaded(store: Store, experiment: Experiment, metric: str, variant: str) -> Iterator[Step]:
    everything = store.aggregates.series(experiment.experiment_id)
    series = [s for s in everything if s.metric == metric and s.observed_at != UNTIMED]
    control_id = experiment.control.variant_id
    for moment in sorted({item.observed_at for item in series}):
        at = {item.variant_id: item.summary for item in series if item.observed_at == moment}
        if control_id in at and variant in at:
            yield moment, at[control_id], at[variant]


def _point(
    experiment: Experiment,
    metric: MetricDefinition,
    variant: str,
    step: Step,
    terms: Terms,
) -> SequencePoint | None:
    moment, control, treatment = step
    found = textbook(metric, control, treatment, experiment.alpha)
    if isinstance(found, InsufficientData):
        return None
    sequence = terms.horizon(experiment, variant, metric.name).sequence(found)
    if not sequence.available:
        return None
    return SequencePoint(
        at=moment,
        units=int(control.n + treatment.n),
        estimate=sequence.estimate,
        ci_lower=sequence.ci_lower,
        ci_upper=sequence.ci_upper,
    )
