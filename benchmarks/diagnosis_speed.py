"""What ``diagnose_experiment`` costs over the bare aggregation: 10 M events of 1 M units, warm.

``python -m benchmarks.diagnosis_speed [events] [units]``. The bare query is that of
``analysis_query``; both run in the same process, in turn, and the ratio of their medians is
printed. Exposures carry one property, and six.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime

from benchmarks.analysis_query import BARE, WEEK, alternate, fill, plan
from neonblue.intelligence.diagnosis import diagnose
from neonblue.stores import Store, open_store

CARRY_MORE = """
INSERT INTO events SELECT * REPLACE (
    mapConcat(properties, map(
        'country', toString(cityHash64(user_id, 1) % 20),
        'plan', toString(cityHash64(user_id, 2) % 3),
        'age', toString(18 + cityHash64(user_id, 3) % 60),
        'browser', toString(cityHash64(user_id, 4) % 5),
        'visitor', user_id
    )) AS properties, now64(3) AS ingested_at
)
FROM events WHERE event_type = 'exposure'
"""


def compare(store: Store, experiment_id: str) -> None:
    """Print the bare query, the diagnosis and their ratio."""
    now = datetime(2026, 1, 16, tzinfo=UTC)
    bare, whole = alternate(
        lambda: store.database.rows(BARE, {"id": experiment_id}),
        lambda: diagnose(store, experiment_id, now=now),
    )
    print(f"  bare {bare:.3f} s, diagnosis {whole:.3f} s: {whole / bare:.2f}x")


def main(events: int = 10_000_000, units: int = 1_000_000) -> None:
    """Both in one store: first one property, then six."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"chdb://{folder}/clickhouse")
        fill(store, plan("experiment"), events, units, WEEK)
        store.events.compact()
        print(f"{events:,} events, {units:,} units, one property")
        compare(store, "experiment")
        store.database.command(CARRY_MORE)
        store.events.compact()
        print(f"{events:,} events, {units:,} units, six properties, one of them an id")
        compare(store, "experiment")
        store.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
