"""Messages become rows, or a rejection with a reason and the original bytes; nothing is lost."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neonblue.ingest.messages.column_values import as_time
from neonblue.ingest.messages.decode import EventDecoder

NOW = datetime(2026, 5, 1, tzinfo=UTC)
PLAIN: dict[str, Any] = {
    "event_id": "e1",
    "user_id": "u1",
    "experiment_id": "checkout",
    "variant_id": "control",
    "event_type": "exposure",
    "timestamp": "2026-04-01T10:00:00.123Z",
    "value": 1.5,
    "session_id": "s1",
    "properties": {"os": "ios", "age": 31, "member": True, "none": None, "list": [1, 2]},
}


def decoder() -> EventDecoder:
    return EventDecoder("test", now=lambda: NOW)


def message(**changes: Any) -> bytes:
    return json.dumps({**PLAIN, **changes}).encode()


def without(*names: str) -> bytes:
    return json.dumps({k: v for k, v in PLAIN.items() if k not in names}).encode()


def test_a_plain_event_becomes_a_row() -> None:
    (row,) = decoder().decode([message()]).events.to_pylist()
    assert row["timestamp"] == datetime(2026, 4, 1, 10, 0, 0, 123000, tzinfo=UTC)
    assert dict(row["properties"]) == {"os": "ios", "age": "31", "member": "true", "list": "[1,2]"}
    assert (row["variant_id"], row["value"], row["source"]) == ("control", 1.5, "test")


def test_optional_fields_may_be_missing_or_null() -> None:
    names = ("variant_id", "value", "session_id", "properties")
    missing = without(*names).replace(b"exposure", b"view")
    nulls = message(event_type="view", **dict.fromkeys(names))
    first, second = decoder().decode([missing, nulls]).events.to_pylist()
    assert first == second
    assert (first["variant_id"], first["value"], first["properties"]) == ("", None, [])


def test_behaviour_outside_any_experiment_is_an_event() -> None:
    behaviour = message(event_type="view", experiment_id=None, variant_id=None)
    assert decoder().decode([behaviour]).events["experiment_id"].to_pylist() == [""]


def test_an_offset_is_turned_into_utc() -> None:
    batch = decoder().decode([message(timestamp="2026-04-01T10:00:00+02:00")])
    assert batch.events["timestamp"][0].as_py() == datetime(2026, 4, 1, 8, tzinfo=UTC)


DEEP = b"[" * 5000 + b"]" * 5000 + b"}"
BAD: dict[str, tuple[bytes, str]] = {
    "not json": (b"{not json", "not_json"),
    "empty": (b"", "not_json"),
    "cut off": (message()[:-5], "not_json"),
    "not utf-8": (message().replace(b"u1", b"\xff\xfe"), "not_utf8"),
    "utf-16": (message().decode().encode("utf-16"), "not_utf8"),
    "a number": (b"17", "not_an_object"),
    "a list": (b"[]", "not_an_object"),
    "no user": (without("user_id"), "missing_field"),
    "no experiment": (without("experiment_id"), "missing_field"),
    "value as text": (message(value="many"), "wrong_type"),
    "user as fraction": (message(user_id=7.5), "wrong_type"),
    "user as truth value": (message(user_id=True), "wrong_type"),
    "properties as list": (message(properties=[1]), "wrong_type"),
    "empty user": (message(user_id=""), "empty_field"),
    "long user": (message(user_id="u" * 300), "too_long"),
    "long property": (message(properties={"a": "b" * 9000}), "too_long"),
    "many properties": (message(properties={str(i): i for i in range(200)}), "too_large"),
    "huge": (message(session_id="x" * 300_000), "too_large"),
    "nul in user": (message(user_id="a\0b"), "nul_byte"),
    "nul in property": (message(properties={"a": "\0"}), "nul_byte"),
    "deep": (message(properties={"a": json.loads("[" * 50 + "]" * 50)}), "too_deep"),
    "very deep": (
        message(properties={"a": 1}).replace(b"1}", b"[" * 5000 + b"]" * 5000 + b"}"),
        "too_deep",
    ),
    "naive time": (message(timestamp="2026-04-01T10:00:00"), "bad_timestamp"),
    "no time": (message(timestamp="yesterday"), "bad_timestamp"),
    "time as number": (message(timestamp=1_775_000_000), "bad_timestamp"),
    "the year 9999": (message(timestamp="9999-12-31T00:00:00Z"), "timestamp_out_of_range"),
    "the epoch": (message(timestamp="1970-01-01T00:00:00Z"), "timestamp_out_of_range"),
    "next week": (message(timestamp="2026-05-08T00:00:00Z"), "timestamp_out_of_range"),
    "infinite": (message().replace(b"1.5", b"1e999"), "wrong_type"),
    "nan": (message().replace(b"1.5", b"NaN"), "not_json"),
    "exposure to nothing": (message(variant_id=None), "exposure_without_variant"),
    "exposure outside": (message(experiment_id=""), "exposure_without_variant"),
    "key twice": (message()[:-1] + b', "user_id": "u2"}', "duplicate_key"),
    "key twice, spaced": (message()[:-1] + b', "user_id" : "u2"}', "duplicate_key"),
    "property twice": (message(properties={}).replace(b"{}", b'{"a":1,"a":2}'), "duplicate_key"),
    "half a surrogate": (message().replace(b"u1", b"\\ud800"), "not_json"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_message_is_refused_with_its_reason_and_bytes(name: str) -> None:
    payload, reason = BAD[name]
    batch = decoder().decode([message(), payload, message(event_id="e2")])
    assert [(r.index, r.reason, r.payload) for r in batch.rejections] == [(1, reason, payload)]
    assert batch.rejections[0].detail
    assert list(batch.indices) == [0, 2]
    assert batch.events["event_id"].to_pylist() == ["e1", "e2"]


def envelope(op: str, after: dict[str, Any] | None, *, schema: bool = False) -> bytes:
    change = {"before": None, "after": after, "op": op, "source": {}, "ts_ms": 1}
    return json.dumps({"schema": {}, "payload": change} if schema else change).encode()


@pytest.mark.parametrize("schema", [True, False])
@pytest.mark.parametrize("op", ["c", "u", "r"])
def test_an_envelope_gives_the_row_inside(op: str, schema: bool) -> None:
    row = {
        **PLAIN,
        "timestamp": 1_775_037_600_123_000,
        "properties": '{"os": "ios"}',
        "value": "1.5",
    }
    wrapped = decoder().decode([envelope(op, row, schema=schema)]).events.to_pylist()
    plain = decoder().decode([message(properties={"os": "ios"})]).events.to_pylist()
    assert wrapped == plain


def test_deletes_and_tombstones_are_skipped_and_counted() -> None:
    batch = decoder().decode([envelope("d", None), None, message()])
    assert (batch.skipped, batch.events.num_rows, batch.rejections) == (2, 1, ())


def test_a_bad_row_in_an_envelope_is_refused() -> None:
    batch = decoder().decode([envelope("c", {"event_id": "e"}), envelope("x", PLAIN)])
    assert [rejection.reason for rejection in batch.rejections] == ["missing_field", "wrong_type"]


@pytest.mark.parametrize("scale", [1, 1_000, 1_000_000])
def test_epoch_times_are_read_at_their_scale(scale: int) -> None:
    assert as_time(1_775_037_600_000 * scale) == datetime(2026, 4, 1, 10, tzinfo=UTC)


@given(
    st.lists(st.one_of(st.binary(max_size=60), st.none(), st.sampled_from(list(BAD))), max_size=8)
)
def test_every_message_is_a_row_a_rejection_or_skipped(noise: list[Any]) -> None:
    messages = [BAD[item][0] if isinstance(item, str) else item for item in noise]
    batch = decoder().decode(messages)
    accounted = sorted([*batch.indices, *(r.index for r in batch.rejections)])
    assert len(accounted) + batch.skipped == len(messages)
    assert len(set(accounted)) == len(accounted)


def test_a_rule_about_properties_finds_its_row_in_slices_and_chunks() -> None:
    import pyarrow as pa

    from neonblue.ingest.messages.validate import check_events

    events = decoder().decode([message(event_id=str(i)) for i in range(6)]).events
    bad = events.to_pylist()
    bad[4]["properties"] = [("a", "x\0")]
    table = pa.Table.from_pylist(bad, schema=events.schema)
    chunked = pa.concat_tables([table.slice(1, 2), table.slice(3, 3)])
    assert [finding.row for finding in check_events(chunked, NOW)] == [3]
    assert check_events(table.slice(0, 0), NOW) == []
