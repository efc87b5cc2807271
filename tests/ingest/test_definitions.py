"""Experiments and events of the platform's own tables, by change capture."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from neonblue.ingest.pipeline import Pipeline
from neonblue.ingest.record import LineRecord
from neonblue.stores import Store
from neonblue.stores.looks import Look

Send = Callable[..., Any]
PLAN = {"id": "checkout", "name": "Checkout", "status": "running", "alpha": "0.05"}
VARIANTS = [
    {"id": 1, "experiment_id": "checkout", "key": "control", "weight": 1, "is_control": True},
    {"id": 2, "experiment_id": "checkout", "key": "treatment", "weight": 3, "is_control": False},
]
METRIC = {
    "id": 7,
    "experiment_id": "checkout",
    "name": "orders",
    "kind": "proportion",
    "event_type": "purchase",
}


def change(
    table: str,
    after: dict[str, Any] | None,
    *,
    op: str = "c",
    before: dict[str, Any] | None = None,
    lsn: int = 1,
    schema: bool = False,
) -> bytes:
    """A Debezium message, with or without its schema wrapper."""
    payload = {
        "before": before,
        "after": after,
        "source": {"connector": "postgresql", "schema": "public", "table": table, "lsn": lsn},
        "op": op,
        "ts_ms": 1_772_000_000_000,
    }
    return json.dumps({"schema": {}, "payload": payload} if schema else payload).encode()


@pytest.fixture
def send(pipeline: Pipeline) -> Send:
    """One batch of messages through the pipeline."""
    offsets = iter(range(10_000))

    def write(*messages: bytes | None) -> Any:
        records = [LineRecord("cdc", 0, next(offsets), None, message) for message in messages]
        return pipeline.write(pipeline.prepare(records))

    return write


def define(send: Send, *, schema: bool = False) -> None:
    rows = [("variants", each) for each in VARIANTS]
    for table, row in [*rows, ("metrics", METRIC), ("experiments", PLAN)]:
        send(change(table, row, op="r", schema=schema))


@pytest.mark.parametrize("schema", [False, True])
def test_an_experiment_appears_when_its_last_part_arrives(
    send: Send, store: Store, schema: bool
) -> None:
    define(send, schema=schema)
    experiment = store.experiments.get("checkout")
    assert experiment.status == "running"
    assert [(each.variant_id, each.weight) for each in experiment.variants] == [
        ("control", 1),
        ("treatment", 3),
    ]
    assert experiment.metrics[0].event_type == "purchase"


def test_until_then_it_is_listed_as_undefined_with_what_was_seen(
    send: Send, store: Store, make_message: Any
) -> None:
    send(make_message(0)[1], make_message(1)[1], change("experiments", PLAN))
    (listing,) = store.experiments.list()
    assert (listing.status, listing.seen and listing.seen.units) == ("undefined", 2)
    define(send)
    (listing,) = store.experiments.list()
    assert listing.status == "running"


def test_replaying_changes_changes_nothing(send: Send, store: Store) -> None:
    define(send)
    send(change("experiments", {**PLAN, "status": "paused"}, op="u", lsn=5))
    store.experiments.set_status("checkout", "stopped", reason="by hand")
    before = store.experiments.get("checkout")
    define(send)
    send(change("experiments", {**PLAN, "status": "paused"}, op="u", lsn=5))
    assert store.experiments.get("checkout") == before


def test_an_older_change_that_comes_late_is_left_out(send: Send, store: Store) -> None:
    define(send)
    send(change("experiments", {**PLAN, "name": "New"}, op="u", lsn=9))
    send(change("experiments", {**PLAN, "name": "Old"}, op="u", lsn=8))
    assert store.experiments.get("checkout").name == "New"


def test_a_deleted_experiment_is_archived_and_a_deleted_metric_goes(
    send: Send, store: Store
) -> None:
    define(send)
    send(change("metrics", {**METRIC, "id": 8, "name": "clicks", "event_type": "click"}, lsn=2))
    send(change("metrics", None, op="d", before={"id": 7}, lsn=3), None)
    assert [each.name for each in store.experiments.get("checkout").metrics] == ["clicks"]
    send(change("experiments", None, op="d", before={"id": "checkout"}, lsn=4))
    assert store.experiments.get("checkout").status == "archived"


def test_what_decides_is_frozen_once_somebody_has_looked(send: Send, store: Store) -> None:
    define(send)
    send(change("metrics", {**METRIC, "event_type": "order"}, op="u", lsn=2))
    current = store.experiments.get("checkout")
    assert current.metrics[0].event_type == "order"
    store.looks.append(
        [
            Look(
                experiment_id="checkout",
                version=current.version,
                metric="orders",
                variant_id="treatment",
                looked_at=datetime.now(UTC),
                actor="test",
                units=100,
                estimate=0.0,
                ci_lower=-1.0,
                ci_upper=1.0,
                p_value=1.0,
                running_p_value=1.0,
            )
        ]
    )
    written = send(change("metrics", {**METRIC, "event_type": "visit"}, op="u", lsn=3))
    assert [letter.reason for letter in written.letters] == ["bad_definition"]
    assert store.experiments.get("checkout").metrics[0].event_type == "order"
    send(change("variants", {**VARIANTS[1], "weight": 1}, op="u", lsn=4))
    assert store.experiments.get("checkout").variants[1].weight == 1


def test_a_definition_of_the_wrong_type_is_set_aside(send: Send, store: Store) -> None:
    define(send)
    written = send(change("experiments", {**PLAN, "status": "sleeping"}, op="u", lsn=6))
    assert [letter.reason for letter in written.letters] == ["bad_definition"]


def row(number: int, make_event: Any, **changes: Any) -> dict[str, Any]:
    content = make_event(number, **changes)
    moment = datetime.fromisoformat(content["timestamp"])
    return {
        **content,
        "timestamp": int(moment.timestamp() * 1_000_000),
        "properties": json.dumps(content["properties"]),
    }


def test_event_rows_follow_their_table(send: Send, store: Store, make_event: Any) -> None:
    rows = [row(number, make_event) for number in range(5)]
    send(*(change("events", each, op="c" if each["value"] else "r") for each in rows))
    send(change("events", {**rows[2], "value": 99.0}, op="u", before=rows[2], lsn=2))
    send(change("events", None, op="d", before=rows[3], lsn=3), None)
    found = store.database.rows("SELECT event_id, value FROM events FINAL ORDER BY event_id")
    assert found == [("e0", 0.0), ("e1", 1.0), ("e2", 99.0), ("e4", 4.0)]


def test_within_a_batch_the_last_word_counts(send: Send, store: Store, make_event: Any) -> None:
    one, two, three = (row(number, make_event) for number in (1, 2, 3))
    moved = {**three, "user_id": "somebody"}
    send(
        change("events", one),
        change("events", None, op="d", before={"event_id": "e1", "user_id": ""}),
        change("events", two),
        change("events", None, op="d", before=two),
        change("events", {**two, "value": 5.0}),
        change("events", three),
        change("events", moved, op="u", before=three),
    )
    found = store.database.rows("SELECT event_id, user_id, value FROM events FINAL ORDER BY 1")
    assert found == [("e2", two["user_id"], 5.0), ("e3", "somebody", 3.0)]
