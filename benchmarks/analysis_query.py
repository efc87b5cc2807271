"""How much the whole analysis costs over the bare aggregation: 10 M events of 1 M units, warm.

``python -m benchmarks.analysis_query [events] [units]``. The bare query is what one would write by
hand: one row a unit, then mean and variance a variant, without looking at duplicates, at the time
of the exposure or at units in two variants. Both run in the same process, in turn, and the ratio
of their medians is printed, for events that all come after the exposure and for events of which
half come before it.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime

from neonblue.intelligence.analysis import analyze
from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.stores import Store, open_store

ROUNDS = 9
BARE = """
SELECT variant, count(), avg(bought), varSampStable(bought), avg(spent), varSampStable(spent)
FROM (
    SELECT user_id, maxIf(variant_id, event_type = 'exposure') AS variant,
           countIf(event_type = 'purchase') > 0 AS bought,
           sumIf(ifNull(value, 0), event_type = 'purchase') AS spent
    FROM events WHERE experiment_id = {id:String} GROUP BY user_id
)
GROUP BY variant
"""
COLUMNS = """
INSERT INTO events (event_id, user_id, experiment_id, variant_id, event_type, timestamp, value,
                    session_id, properties, source)
"""
EXPOSURES = (
    COLUMNS
    + """
SELECT concat('x', toString(number)), concat('user-', toString(number)), {id:String},
       ['control', 'treatment'][1 + sipHash64(number, 1) % 2], 'exposure',
       toDateTime64('2026-01-01 00:00:00', 3, 'UTC') + sipHash64(number, 2) % {spread:UInt32},
       NULL, '', map('device', ['ios', 'android', 'web'][1 + number % 3]), 'benchmark'
FROM numbers({units:UInt64})
"""
)
ACTS = (
    COLUMNS
    + """
SELECT concat('e', toString(number)),
       concat('user-', toString(sipHash64(number, 3) % {units:UInt64})), {id:String}, '',
       ['view', 'view', 'purchase'][1 + sipHash64(number, 4) % 3],
       toDateTime64('2026-01-01 00:00:00', 3, 'UTC') + {after:UInt32}
           + sipHash64(number, 5) % {spread:UInt32},
       (sipHash64(number, 6) % 1000) / 10, '', map(), 'benchmark'
FROM numbers({acts:UInt64})
"""
)
WEEK = 7 * 86_400


def plan(experiment_id: str) -> Experiment:
    """Two variants, a proportion and a mean of the same events."""
    return Experiment(
        experiment_id=experiment_id,
        variants=(
            Variant(variant_id="control", is_control=True),
            Variant(variant_id="treatment"),
        ),
        metrics=(
            MetricDefinition(name="bought", kind="proportion", event_type="purchase"),
            MetricDefinition(name="spent", kind="mean", event_type="purchase", aggregation="sum"),
        ),
        status="stopped",
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        ended_at=datetime(2026, 1, 15, tzinfo=UTC),
    )


def fill(store: Store, definition: Experiment, events: int, units: int, after: int) -> None:
    """Make the events inside the engine; ``after`` seconds lie between exposures and acts."""
    experiment_id = definition.experiment_id
    parameters = {"id": experiment_id, "units": units, "acts": events - units, "spread": WEEK}
    store.database.command(EXPOSURES, parameters)
    store.database.command(ACTS, {**parameters, "after": after})
    store.experiments.save(definition)


def alternate(first: Callable[[], object], second: Callable[[], object]) -> tuple[float, float]:
    """Median seconds of two things done in turn, after a warm-up of each."""
    first()
    second()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for taken, run in zip(times, (first, second), strict=True):
            started = time.perf_counter()
            run()
            taken.append(time.perf_counter() - started)
    return statistics.median(times[0]), statistics.median(times[1])


def compare(store: Store, experiment_id: str) -> None:
    """Print bare query, the product's query, and the whole analysis."""
    experiment = store.experiments.get(experiment_id)
    now = datetime(2026, 1, 16, tzinfo=UTC)

    def bare() -> object:
        return store.database.rows(BARE, {"id": experiment_id})

    def whole() -> object:
        return analyze(store, experiment_id, now=now)

    def query() -> object:
        return store.moments.summarise(experiment)

    bare_seconds, query_seconds = alternate(bare, query)
    print(f"  bare {bare_seconds:.3f} s, moments query {query_seconds:.3f} s", end="")
    print(f": {query_seconds / bare_seconds:.2f}x")
    bare_seconds, whole_seconds = alternate(bare, whole)
    print(f"  bare {bare_seconds:.3f} s, whole analysis {whole_seconds:.3f} s", end="")
    print(f": {whole_seconds / bare_seconds:.2f}x")


def main(events: int = 10_000_000, units: int = 1_000_000) -> None:
    """Both cases, each in a store of its own."""
    cases = {"every event after its exposure": WEEK, "half the events before it": 0}
    for name, after in cases.items():
        with tempfile.TemporaryDirectory() as folder:
            store = open_store(f"chdb://{folder}/clickhouse")
            fill(store, plan("experiment"), events, units, after)
            store.events.compact()
            print(f"{events:,} events, {units:,} units, {name}")
            compare(store, "experiment")
            store.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
