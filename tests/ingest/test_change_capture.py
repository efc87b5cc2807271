"""Event rows as Debezium's connectors, transforms and converters really write them."""

import json
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neonblue.ingest.messages.column_values import (
    UNAVAILABLE,
    UNAVAILABLE_SPELT,
    as_number,
    as_time,
)
from neonblue.ingest.messages.connect_schema import DECIMAL, Field
from neonblue.ingest.messages.decode import EventDecoder
from neonblue.ingest.messages.event import RefusedError
from neonblue.ingest.stream.pipeline import Pipeline
from neonblue.ingest.stream.record import LineRecord
from neonblue.stores import Store

Send = Callable[..., Any]
MOMENT = datetime(2026, 4, 1, 10, tzinfo=UTC)
ROW = {
    "event_id": "e1",
    "user_id": "u1",
    "experiment_id": "x",
    "event_type": "purchase",
    "timestamp": "2026-04-01T10:00:00Z",
}


def plain(**changes: Any) -> bytes:
    return json.dumps({**ROW, **changes}).encode()


def change(op: str, after: Any, before: Any = None, schema: Any = None) -> bytes:
    envelope = {"op": op, "after": after, "before": before, "source": {"table": "events"}}
    wrapped = {"schema": schema, "payload": envelope} if schema else envelope
    return json.dumps(wrapped).encode()


def described(*columns: dict[str, Any]) -> dict[str, Any]:
    """The schema of an envelope whose row has these columns."""
    after = {"field": "after", "type": "struct", "fields": list(columns)}
    return {"type": "struct", "fields": [after]}


def numeric(scale: int) -> dict[str, Any]:
    return {
        "field": "value",
        "type": "bytes",
        "name": DECIMAL,
        "parameters": {"scale": str(scale), "connect.decimal.precision": "38"},
    }


def java_bytes(number: Decimal, scale: int) -> str:
    """How Java's BigInteger writes a decimal's digits: the fewest bytes, two's complement."""
    whole = int(number.scaleb(scale))
    length = (whole + (whole < 0)).bit_length() // 8 + 1
    return b64encode(whole.to_bytes(length, "big", signed=True)).decode()


def decoded(*messages: bytes | None) -> list[dict[str, Any]]:
    batch = EventDecoder("test").decode(messages)
    assert not batch.rejections, batch.rejections
    return list(batch.events.to_pylist())


def refused(message: bytes) -> tuple[str, str]:
    batch = EventDecoder("test").decode([message])
    (rejection,) = batch.rejections
    return rejection.reason, rejection.detail


@pytest.fixture
def send(pipeline: Pipeline) -> Send:
    offsets = iter(range(10_000))

    def write(*messages: bytes | None, topic: str = "shop.public.events") -> Any:
        records = [LineRecord(topic, 0, next(offsets), None, message) for message in messages]
        return pipeline.write(pipeline.prepare(records))

    return write


@given(
    st.integers(-(10**17), 10**17),
    st.integers(0, 9),
    st.sampled_from(["with its schema", "with its scale"]),
)
def test_precise_decimals_are_read_by_their_scale(whole: int, scale: int, how: str) -> None:
    number = Decimal(whole).scaleb(-scale)
    text = java_bytes(number, scale)
    if how == "with its schema":
        read = as_number(text, Field("bytes", DECIMAL, scale))
    else:
        read = as_number({"scale": scale, "value": text})
    assert read == float(number)


@given(st.binary(min_size=1, max_size=12))
def test_without_a_scale_no_bytes_are_ever_taken_for_a_number(digits: bytes) -> None:
    with pytest.raises(RefusedError, match=r"decimal\.handling\.mode"):
        as_number(b64encode(digits).decode())


@pytest.mark.parametrize("text", ["0001", "1000", "12", "-5", "1E+3", "1e10", "A+g="])
def test_whole_numbers_as_text_are_refused_alike(text: str) -> None:
    """Or only those with a multiple of four digits would be: the largest ones."""
    reason, detail = refused(plain(value=text))
    assert reason == "wrong_type"
    assert "base64 decimal: set decimal.handling.mode" in detail
    assert decoded(change("c", {**ROW, "value": "7.50"}))[0]["value"] == 7.5


def test_a_schema_says_whether_text_is_a_number(send: Send) -> None:
    string = described({"field": "value", "type": "string"})
    assert decoded(change("c", {**ROW, "value": "1000"}, schema=string))[0]["value"] == 1000
    precise = described(numeric(2))
    assert decoded(change("c", {**ROW, "value": "0001"}, schema=precise))[0]["value"] == -29293.55
    assert decoded(change("c", {**ROW, "value": 7.5}, schema=precise))[0]["value"] == 7.5
    flat = {
        "schema": {"type": "struct", "fields": [numeric(2)]},
        "payload": {**ROW, "value": "AA=="},
    }
    assert decoded(json.dumps(flat).encode())[0]["value"] == 0.0


TIMES = {
    "io.debezium.time.Timestamp": 1_775_037_600_000,
    "io.debezium.time.MicroTimestamp": 1_775_037_600_000_000,
    "io.debezium.time.NanoTimestamp": 1_775_037_600_000_000_000,
    "org.apache.kafka.connect.data.Timestamp": 1_775_037_600_000,
    "io.debezium.time.ZonedTimestamp": "2026-04-01T12:00:00+02:00",
}


@pytest.mark.parametrize("name", TIMES)
def test_times_are_read_by_their_schema(name: str) -> None:
    schema = described({"field": "timestamp", "type": "int64", "name": name})
    after = {**ROW, "timestamp": TIMES[name]}
    assert decoded(change("c", after, schema=schema))[0]["timestamp"] == MOMENT


def test_days_need_their_schema() -> None:
    day = {"field": "timestamp", "type": "int32", "name": "io.debezium.time.Date"}
    after = {**ROW, "timestamp": 20_544}
    (row,) = decoded(change("c", after, schema=described(day)))
    assert row["timestamp"] == datetime(2026, 4, 1, tzinfo=UTC)
    assert refused(change("c", after))[0] == "bad_timestamp"


@given(st.datetimes(datetime(1990, 1, 2), datetime(2099, 12, 31), timezones=st.just(UTC)))
def test_without_a_schema_the_size_tells_the_unit_to_the_microsecond(moment: datetime) -> None:
    micros = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert as_time(micros) == as_time(micros * 1_000) == moment
    assert as_time(micros // 1_000) == moment - timedelta(microseconds=moment.microsecond % 1_000)


@pytest.mark.parametrize("number", [0, 20_544, 1_775_037_600, 9_223_372_036_825_200_000, -1])
def test_other_numbers_are_no_times(number: int) -> None:
    reason, detail = refused(change("c", {**ROW, "timestamp": number}))
    assert (reason, "RFC 3339" in detail) == ("bad_timestamp", True)


def test_flat_rows_with_epoch_times_and_json_text_are_events() -> None:
    flat = plain(timestamp=1_775_037_600_000_000, properties='{"os": "ios"}', __op="c", __lsn=7)
    (row,) = decoded(flat)
    assert (row["timestamp"], dict(row["properties"])) == (MOMENT, {"os": "ios"})


@pytest.mark.parametrize("number", [7, 2**53 + 1, 2**63 - 1, -(2**63), 2**64 + 3])
def test_whole_numbers_are_ids_digit_by_digit(number: int) -> None:
    ids = {"event_id": number, "user_id": number}
    for message in (plain(**ids), change("c", {**ROW, **ids})):
        (row,) = decoded(message)
        assert row["event_id"] == row["user_id"] == str(number)


def test_one_user_by_number_and_by_text_is_one_row(send: Send, store: Store) -> None:
    send(plain(event_id=2**60 + 1, user_id=2**60 + 1))
    send(plain(event_id=str(2**60 + 1), user_id=str(2**60 + 1)))
    assert store.events.count() == 1


@pytest.mark.parametrize("mark", [{"__deleted": "true"}, {"__deleted": True}, {"__op": "d"}])
def test_a_flat_row_marked_as_deleted_removes_its_event(
    send: Send, store: Store, mark: dict[str, Any]
) -> None:
    send(plain(), plain(event_id="e2", __deleted="false"))
    written = send(plain(**mark))
    assert (written.events, written.deletions, written.dead_letters) == (0, 1, ())
    assert store.database.rows("SELECT event_id FROM events FINAL") == [("e2",)]


def test_a_flat_row_deleted_by_its_primary_key_alone(send: Send, store: Store) -> None:
    send(plain())
    send(json.dumps({"event_id": "e1", "user_id": None, "__deleted": "true"}).encode())
    assert store.events.count() == 0


BEFORE = {"no row before": None, "its primary key": {"event_id": "e1"}, "the whole row": ROW}


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("known", BEFORE)
def test_an_update_of_the_user_moves_the_event(
    send: Send, store: Store, known: str, together: bool
) -> None:
    messages = [
        change("c", ROW),
        change("c", {**ROW, "event_id": "e2"}),
        change("u", {**ROW, "user_id": "member"}, BEFORE[known]),
    ]
    for batch in [messages] if together else [[each] for each in messages]:
        send(*batch)
    found = store.database.rows("SELECT event_id, user_id FROM events FINAL ORDER BY 1")
    assert found == [("e1", "member"), ("e2", "u1")]


def test_an_update_that_moves_nothing_keeps_its_row(send: Send, store: Store) -> None:
    send(change("c", ROW))
    send(change("u", {**ROW, "value": 9.0}), plain(user_id="other", event_id="e9", __op="u"))
    send(change("u", {**ROW, "value": 8.0}, {"event_id": "e1"}))
    found = store.database.rows("SELECT event_id, value FROM events FINAL ORDER BY 1")
    assert found == [("e1", 8.0), ("e9", None)]


def test_a_new_primary_key_moves_the_event(send: Send, store: Store) -> None:
    send(change("c", ROW))
    send(change("u", {**ROW, "event_id": "e7"}, {"event_id": "e1"}))
    assert store.database.rows("SELECT event_id FROM events FINAL") == [("e7",)]


def test_a_truncated_table_is_said_and_nothing_deleted(send: Send, store: Store) -> None:
    send(change("c", ROW))
    (letter,) = send(change("t", None)).dead_letters
    assert (letter.reason, store.events.count()) == ("truncate_not_applied", 1)


@pytest.mark.parametrize("spelling", UNAVAILABLE_SPELT)
@pytest.mark.parametrize("column", ["properties", "value", "session_id"])
def test_what_debezium_does_not_know_is_never_stored(column: str, spelling: str) -> None:
    after = {**ROW, column: spelling}
    reason, detail = refused(change("u", after))
    assert (reason, UNAVAILABLE in detail, "REPLICA IDENTITY FULL" in detail) == (
        "unavailable_value",
        True,
        True,
    )
    before = {**ROW, "properties": '{"a": "b"}', "value": 4.0, "session_id": "s"}
    (row,) = decoded(change("u", after, before))
    assert row[column] == {"properties": [("a", "b")], "value": 4.0, "session_id": "s"}[column]


def test_the_placeholder_inside_json_is_found() -> None:
    inside = json.dumps({"deep": [{"er": UNAVAILABLE}]})
    assert refused(change("u", {**ROW, "properties": inside}))[0] == "unavailable_value"
    assert refused(plain(properties={"a": UNAVAILABLE}))[0] == "unavailable_value"
    assert decoded(change("u", {**ROW, "another_column": UNAVAILABLE}))


def test_json_behind_a_schema_registrys_frame_is_read() -> None:
    for frame in (b"\0\0\0\0\x07", b"\0" + (7).to_bytes(8, "big")):
        assert decoded(frame + plain(), frame + change("c", ROW)) == decoded(plain(), plain())
    assert refused(b"\0\0\0\0\x07" + plain(user_id=None))[0] == "missing_field"


def test_avro_behind_the_frame_is_refused_with_the_converter_to_use() -> None:
    reason, detail = refused(b"\0\0\0\0\x2a\x06e1u1")
    assert reason == "schema_registry_framing"
    assert "schema id 42" in detail
    assert "value.converter=org.apache.kafka.connect.json.JsonConverter" in detail


NOTES = {
    "heartbeat": {"ts_ms": 1},
    "transaction": {"status": "END", "id": "5:1", "event_count": 2, "data_collections": []},
    "table": {"source": {}, "ddl": "ALTER TABLE", "databaseName": "shop", "tableChanges": []},
    "tombstone with schema": {"schema": None, "payload": None},
}


@pytest.mark.parametrize("name", NOTES)
def test_what_debezium_says_about_itself_is_passed_over(send: Send, name: str) -> None:
    written = send(json.dumps(NOTES[name]).encode(), b"null", None)
    assert (written.events, written.dead_letters) == (0, ())


@pytest.mark.parametrize("topic", ["__debezium-heartbeat.shop", "shop.transaction"])
def test_topics_without_rows_are_passed_over(send: Send, topic: str) -> None:
    assert send(plain(), b"\0avro", topic=topic).dead_letters == ()


def test_a_snapshot_and_the_stream_of_the_same_rows_count_once(send: Send, store: Store) -> None:
    rows = [{**ROW, "event_id": f"e{number}"} for number in range(5)]
    send(*(change("r", each) for each in rows))
    send(*(change("c", each) for each in rows), *(change("r", each) for each in rows))
    assert store.events.count() == 5


def test_a_row_without_itself_is_not_passed_over() -> None:
    assert refused(b'{"op": "c", "after": null}')[0] == "missing_field"
