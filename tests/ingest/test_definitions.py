"""Experiments and events of the platform's own tables, by change capture."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from neonblue.ingest.stream.pipeline import Pipeline
from neonblue.ingest.stream.record import LineRecord
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
    assert [letter.reason for letter in written.dead_letters] == ["bad_definition"]
    assert store.experiments.get("checkout").metrics[0].event_type == "order"
    send(change("variants", {**VARIANTS[1], "weight": 1}, op="u", lsn=4))
    assert store.experiments.get("checkout").variants[1].weight == 1


def test_a_definition_of_the_wrong_type_is_set_aside(send: Send, store: Store) -> None:
    define(send)
    written = send(change("experiments", {**PLAN, "status": "sleeping"}, op="u", lsn=6))
    assert [letter.reason for letter in written.dead_letters] == ["bad_definition"]


BROKEN = {
    "alpha": ("experiments", {**PLAN, "alpha": 5}, "alpha"),
    "negative weight": ("variants", {**VARIANTS[1], "weight": -1}, "weight"),
    "two controls": ("variants", {**VARIANTS[1], "is_control": True}, "control"),
    "ratio without denominator": ("metrics", {**METRIC, "kind": "ratio"}, "denominator"),
    "quantile of nothing": ("metrics", {**METRIC, "kind": "quantile"}, "quantile"),
    "margin": ("metrics", {**METRIC, "margin": -0.5}, "margin"),
    "base64 weight": ("variants", {**VARIANTS[1], "weight": "0001"}, "base64 decimal"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_plan_that_breaks_a_rule_is_set_aside_and_the_last_good_one_stays(
    send: Send, store: Store, name: str
) -> None:
    define(send)
    good = store.experiments.get("checkout")
    table, changed, why = BROKEN[name]
    (letter,) = send(change(table, changed, op="u", lsn=2)).dead_letters
    assert letter.reason == "bad_definition"
    assert why in letter.detail
    assert store.experiments.get("checkout") == good
    stopped = {**(changed if table == "experiments" else PLAN), "status": "stopped"}
    send(change("experiments", stopped, op="u", lsn=3))
    assert store.experiments.get("checkout").status == "stopped"
    whole = {"experiments": {**PLAN, "name": "Again"}, "variants": VARIANTS[1], "metrics": METRIC}
    assert not send(change(table, whole[table], op="u", lsn=4)).dead_letters


def test_control_may_change_hands_in_two_batches(send: Send, store: Store) -> None:
    """With two controls for a moment the plan is broken; the rows are kept, so it mends itself."""
    define(send)
    send(change("variants", {**VARIANTS[1], "is_control": True}, op="u", lsn=2))
    send(change("variants", {**VARIANTS[0], "is_control": False}, op="u", lsn=3))
    assert store.experiments.get("checkout").control.variant_id == "treatment"


def test_of_several_changes_the_one_that_breaks_the_plan_is_set_aside(send: Send) -> None:
    define(send)
    (letter,) = send(
        change("variants", {**VARIANTS[0], "weight": 2}, op="u", lsn=2),
        change("metrics", {**METRIC, "margin": 0}, op="u", lsn=3),
        change("experiments", {**PLAN, "name": "New"}, op="u", lsn=4),
    ).dead_letters
    assert b"margin" in letter.payload


def test_a_store_that_is_away_is_no_fault_of_a_definition(
    send: Send, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from neonblue.errors import UnavailableError

    def away(*_: Any, **__: Any) -> None:
        raise UnavailableError("ClickHouse does not answer")

    define(send)
    monkeypatch.setattr(store.experiment_history, "take", away)
    with pytest.raises(UnavailableError):
        send(change("experiments", {**PLAN, "name": "New"}, op="u", lsn=9))
    assert store.dead_letters.counts() == {}


def test_rows_that_a_transform_made_flat_define_experiments_too(
    pipeline: Pipeline, store: Store
) -> None:
    flat = [("variants", each) for each in VARIANTS] + [("metrics", METRIC), ("experiments", PLAN)]
    records = [
        LineRecord(f"shop.public.{table}", 0, n, None, json.dumps({**each, "__op": "r"}).encode())
        for n, (table, each) in enumerate(flat)
    ]
    assert not pipeline.write(pipeline.prepare(records)).dead_letters
    assert store.experiments.get("checkout").control.variant_id == "control"
    gone = json.dumps({"id": "checkout", "__deleted": "true"}).encode()
    pipeline.write(pipeline.prepare([LineRecord("shop.public.experiments", 0, 9, None, gone)]))
    assert store.experiments.get("checkout").status == "archived"


def test_decimals_and_large_columns_of_a_definition(send: Send, store: Store) -> None:
    """numeric(4,2) of a weight by its schema; a text that an update left alone is kept."""
    define(send)
    send(change("experiments", {**PLAN, "hypothesis": "long"}, op="u", lsn=2))
    left = {**PLAN, "name": "New", "hypothesis": "__debezium_unavailable_value"}
    assert not send(change("experiments", left, op="u", lsn=3)).dead_letters
    assert (
        store.experiments.get("checkout").name,
        store.experiments.get("checkout").hypothesis,
    ) == (
        "New",
        "long",
    )
    payload = json.loads(change("variants", {**VARIANTS[1], "weight": "AfQ="}, op="u", lsn=4))
    scale = {
        "field": "weight",
        "type": "bytes",
        "name": "org.apache.kafka.connect.data.Decimal",
        "parameters": {"scale": "2"},
    }
    after = {"field": "after", "type": "struct", "fields": [scale]}
    schema = {"type": "struct", "fields": [after]}
    assert not send(json.dumps({"schema": schema, "payload": payload}).encode()).dead_letters
    assert store.experiments.get("checkout").variants[1].weight == 5.0


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
