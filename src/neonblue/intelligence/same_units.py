"""The same units under another experiment id: recognised, and judged by who read them first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from neonblue.intelligence.registration import (
    OtherReading,
    live_treatments,
    registered_metrics,
)
from neonblue.intelligence.summaries import Summaries
from neonblue.models import Experiment, MetricSummary
from neonblue.models.lifecycle import FINISHED_STATUSES
from neonblue.models.reader import current_reader
from neonblue.stores.unit_sketches import those_that_count, total_hashes

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.looks import FirstReading


def other_readings(
    store: Store, experiment: Experiment, summaries: Summaries, first: FirstReading | None
) -> tuple[OtherReading, ...]:
    """Readings of the same units in the same split under other ids, before this one's first.

    The earliest comes first. A look whose effects were withheld, as of an invalid experiment, is a
    reading too: what was wrong with the units is wrong with them under any id.
    """
    units = int(summaries.units.sum())
    if units == 0:
        return ()
    name, keep = experiment.experiment_id, current_reader().records
    sketches = store.unit_sketches
    hashes = total_hashes(_totals(experiment, summaries))
    if experiment.source == "aggregated":
        sketch = sketches.of_totals(name, hashes, keep=keep)
    else:
        sketch = sketches.of_events(name, units, keep=keep)
        # Units may come under other ids; what has ended has the same totals then.
        if experiment.status in FINISHED_STATUSES:
            sketch = {**sketch, **sketches.of_totals(name, hashes, keep=keep)}
    found, likes = [], list(sketches.like(name, sketch))
    readings = store.looks.first_readings([like.experiment_id for like in likes]) if likes else {}
    likes = [
        like
        for like in likes
        if (reading := readings.get(like.experiment_id)) is not None
        and (first is None or reading.looked_at < first.looked_at)
    ]
    for like in those_that_count(likes):
        reading = readings[like.experiment_id]
        plan = store.experiments.version(like.experiment_id, reading.version)
        metrics: Mapping[str, str] = reading.metrics or registered_metrics(plan)
        found.append(
            OtherReading(
                experiment_id=like.experiment_id,
                looked_at=reading.looked_at,
                share=like.share,
                metrics=metrics,
                alpha=plan.alpha,
                treatments=live_treatments(plan),
                chosen=like.chosen,
            )
        )
    return tuple(sorted(found, key=lambda other: other.looked_at))


def _totals(experiment: Experiment, summaries: Summaries) -> list[list[MetricSummary]]:
    variants = [one.variant_id for one in experiment.variants]
    return [[summaries.of(metric.name, one) for one in variants] for metric in experiment.metrics]
