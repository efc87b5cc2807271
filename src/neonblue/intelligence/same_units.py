"""The same units under another experiment id: recognised, and judged by who read them first."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from neonblue.intelligence.registration import OtherReading, registered_metrics
from neonblue.intelligence.summaries import Summaries
from neonblue.models import Experiment
from neonblue.models.reader import current_reader

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.looks import FirstReading


def other_readings(
    store: Store, experiment: Experiment, summaries: Summaries, first: FirstReading | None
) -> tuple[OtherReading, ...]:
    """Readings of the same units in the same split under other ids, before this one's first."""
    units = int(summaries.units.sum())
    if units == 0:
        return ()
    name, keep = experiment.experiment_id, current_reader().records
    sketches = store.unit_sketches
    if experiment.source == "aggregated":
        sketch = sketches.of_totals(name, total_hashes(experiment, summaries), keep=keep)
    else:
        sketch = sketches.of_events(name, units, keep=keep)
    found = []
    for like in sketches.like(name, sketch):
        reading = store.looks.first_reading(like.experiment_id)
        if reading is None or (first is not None and first.looked_at <= reading.looked_at):
            continue
        plan = store.experiments.version(like.experiment_id, reading.version)
        found.append(
            OtherReading(
                experiment_id=like.experiment_id,
                share=like.share,
                metrics=reading.metrics or registered_metrics(plan),
            )
        )
    return tuple(found)


def total_hashes(experiment: Experiment, summaries: Summaries) -> list[int]:
    """One hash a metric of its counts and moments over the variants, whatever their names."""
    hashes = []
    for metric in experiment.metrics:
        each = [summaries.of(metric.name, one.variant_id) for one in experiment.variants]
        if all(summary.n > 0 and summary.variance > 0 for summary in each):
            numbers = sorted((one.n, round(one.mean, 9), round(one.variance, 9)) for one in each)
            digest = blake2b(repr(numbers).encode(), digest_size=8).digest()
            hashes.append(int.from_bytes(digest, "big"))
    return hashes
