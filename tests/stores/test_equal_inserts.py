"""Where the engine drops inserts that equal earlier ones, nothing of ours is dropped.

Replicated tables do so by default. Here every table has a window for it, as theirs are.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from neonblue.ingest.definitions.captured import Definitions
from neonblue.ingest.stream.pipeline import Pipeline
from neonblue.ingest.stream.record import LineRecord
from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.models.summary import MetricSummary
from neonblue.stores import Store
from neonblue.stores.aggregates import Aggregate
from neonblue.stores.events import event_schema

START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def windowed(store: Store) -> Store:
    """The store, every table of which drops an insert that it has seen."""
    tables = store.database.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() "
        "AND endsWith(engine, 'MergeTree')"
    )
    for (table,) in tables:
        store.database.command(
            f"ALTER TABLE {table} MODIFY SETTING non_replicated_deduplication_window = 1000"
        )
    return store


def test_the_window_drops_what_is_inserted_without_a_token(windowed: Store) -> None:
    """Otherwise the tests below would show nothing."""
    with windowed.database._client() as client:
        for _ in range(2):
            client.insert("halts", [["h"]], column_names=["halt_id"])
    assert windowed.database.rows("SELECT count() FROM halts") == [(1,)]
    for _ in range(2):
        windowed.database.insert_rows("halts", ["halt_id"], [["h"]])
        windowed.database.insert("halts", pa.table({"halt_id": ["h"]}))
        windowed.database.command("INSERT INTO halts (halt_id) VALUES ('h')")
        windowed.database.command("INSERT INTO halts (halt_id) SELECT 'h' ORDER BY 1")
    assert windowed.database.rows("SELECT count() FROM halts") == [(9,)]


def test_an_experiment_that_runs_again_runs(windowed: Store) -> None:
    windowed.experiments.save(plan())
    for status in ("running", "stopped", "running", "stopped", "running"):
        windowed.experiments.set_status("checkout", status)
        assert windowed.experiments.get("checkout").status == status


def test_a_user_who_is_forgotten_again_is_forgotten(windowed: Store) -> None:
    pipeline = pipeline_of(windowed)
    for _ in range(3):
        windowed.forgotten.add("ann")
        windowed.forgetting.erase("ann")
        assert "ann" in windowed.forgotten.among(["ann"])
        assert windowed.forgetting.remains("ann") == {}
        windowed.forgotten.readmit("ann")
        later = datetime.now(UTC) + timedelta(seconds=1)
        assert write(pipeline, message(1, user="ann", at=later)).events == 1
        assert windowed.events.count() == 1


def test_totals_that_are_loaded_again_count(windowed: Store) -> None:
    totals = [
        Aggregate(
            experiment_id="checkout",
            metric="orders",
            variant_id=name,
            observed_at=START,
            summary=MetricSummary(n=1000.0, mean=0.1, variance=0.09),
        )
        for name in ("control", "treatment")
    ]
    for _ in range(2):
        windowed.loads.commit(
            windowed.loads.begin_totals(totals), plan(), "totals.csv", replace=True
        )
        assert windowed.database.rows("SELECT count() FROM aggregates FINAL") == [(2,)]


def test_an_event_that_is_sent_again_after_its_deletion_is_stored(windowed: Store) -> None:
    pipeline = pipeline_of(windowed)
    for _ in range(2):
        assert write(pipeline, message(1)).events == 1
        assert windowed.events.count() == 1
        windowed.events.delete([("checkout", "u1", "e1")])
        assert windowed.events.count() == 0


def test_a_batch_that_is_written_again_is_stored_once(windowed: Store) -> None:
    """Whether it went in was not seen; with its token the engine knows it."""
    pipeline = pipeline_of(windowed)
    prepared = pipeline.prepare([LineRecord("e", 0, n, None, message(n)) for n in range(50)])
    for _ in range(3):
        pipeline.write(prepared)
    assert windowed.database.rows("SELECT count() FROM events") == [(50,)]


def test_equal_rows_in_two_inserts_are_two_inserts(windowed: Store) -> None:
    """Where an event table takes them as versions of one event, both arrive."""
    rows = pa.table(
        {name: pa.array([value], event_schema().field(name).type) for name, value in EVENT.items()}
    )
    windowed.events.insert(rows)
    windowed.events.insert(rows)
    assert windowed.database.rows("SELECT count() FROM events") == [(2,)]
    assert windowed.events.count() == 1


EVENT: dict[str, Any] = {
    "event_id": "e1",
    "user_id": "u1",
    "experiment_id": "checkout",
    "variant_id": "control",
    "event_type": "exposure",
    "timestamp": START,
    "value": None,
    "session_id": "",
    "properties": [],
    "source": "test",
}


def plan() -> Experiment:
    return Experiment(
        experiment_id="checkout",
        variants=(
            Variant(variant_id="control", is_control=True),
            Variant(variant_id="treatment"),
        ),
        metrics=(MetricDefinition(name="orders", kind="proportion", event_type="purchase"),),
    )


def pipeline_of(store: Store) -> Pipeline:
    return Pipeline(store, Definitions(store), source="test", enricher=None)


def message(number: int, *, user: str | None = None, at: datetime = START) -> bytes:
    import json

    return json.dumps(
        {
            "event_id": f"e{number}",
            "user_id": user or f"u{number}",
            "experiment_id": "checkout",
            "event_type": "view",
            "timestamp": at.isoformat(),
        }
    ).encode()


def write(pipeline: Pipeline, *messages: bytes) -> Any:
    records = [LineRecord("e", 0, number, None, each) for number, each in enumerate(messages)]
    return pipeline.write(pipeline.prepare(records))
