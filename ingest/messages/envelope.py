"""Debezium's messages: the row inside a change, as if it had been sent plainly.

Three shapes, each with or without Connect's schema around it: the envelope (``before``, ``after``,
``op``); the flat row of the transform ``ExtractNewRecordState`` (``__op``, ``__deleted``); and
either of them behind the five bytes of a schema registry's JSON serializer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from neonblue.ingest.messages.column_values import as_key, as_number, is_unavailable
from neonblue.ingest.messages.column_values import as_time as as_time
from neonblue.ingest.messages.connect_schema import NO_FIELDS, Fields, row_fields
from neonblue.ingest.messages.event import RefusedError

Operation = Literal["c", "u", "r", "d", "t", "m"]
IDS = ("event_id", "user_id", "experiment_id", "variant_id", "session_id")
COLUMNS = (*IDS, "event_type", "timestamp", "value", "properties")
MAGIC = 0
# After the magic byte Confluent's serializers write 4 bytes of schema id, older Apicurio's 8.
FRAMES = (5, 9)
CONVERTER = "org.apache.kafka.connect.json.JsonConverter"
# Shapes of what Debezium says about itself: heartbeats, transactions, changes of tables.
SERVICE_KEYS = (
    frozenset({"ts_ms"}),
    frozenset({"status", "id", "ts_ms", "event_count", "data_collections"}),
)
SERVICE_PREFIXES = ("__debezium-heartbeat",)
SERVICE_SUFFIXES = (".transaction", ".heartbeat")


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one row; ``op`` is create, update, read (snapshot), delete or truncate.

    ``flat`` is a row without an envelope: plain, or made flat by a transform. ``fields`` say how
    columns are written, as far as a schema came along.
    """

    op: Operation
    after: dict[str, Any] | None = None
    before: dict[str, Any] | None = None
    source: dict[str, Any] | None = None
    ts_ms: int | None = None
    flat: bool = False
    fields: Fields = NO_FIELDS

    @property
    def plain(self) -> bool:
        """Whether nothing but its shape speaks for a row of a table."""
        return self.flat and not self.source and not self.fields


class Envelope(msgspec.Struct, frozen=True):
    """What an envelope is made of on the wire."""

    op: Operation
    after: dict[str, Any] | None = None
    before: dict[str, Any] | None = None
    source: dict[str, Any] | None = None
    ts_ms: int | None = None


class Wrapped(msgspec.Struct, frozen=True):
    """Connect's ``{"schema": …, "payload": …}``, its parts not read yet."""

    schema: msgspec.Raw = msgspec.Raw(b"")
    payload: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def content_of(message: bytes) -> tuple[bytes, bytes]:
    """The JSON of the row or envelope, and of its schema (b'' without one).

    Raises ``RefusedError`` for the framing of a serializer whose content is not JSON.
    """
    body = _unframed(message)
    if body.strip() == b"null":
        return b"null", b""
    wrapped = msgspec.json.decode(body, type=Wrapped)
    if wrapped.payload is msgspec.UNSET:
        return body, b""
    return bytes(wrapped.payload), bytes(wrapped.schema)


def read_message(message: bytes) -> Change | None:
    """The change in a message; None for what is about no row (a tombstone, a heartbeat).

    Raises ``msgspec.DecodeError`` and ``RefusedError`` for what cannot be read.
    """
    content, schema = content_of(message)
    row = msgspec.json.decode(content, type=dict[str, Any] | None)
    if row is None or is_service_message(row):
        return None
    fields = row_fields(schema)
    if "op" in row and "event_id" not in row:
        return _enveloped(msgspec.convert(row, Envelope), fields)
    return _flat(row, fields)


def is_service_topic(topic: str) -> bool:
    """Whether a topic carries Debezium's heartbeats or transactions, and no rows."""
    return topic.startswith(SERVICE_PREFIXES) or topic.endswith(SERVICE_SUFFIXES)


def is_service_message(row: Mapping[str, Any]) -> bool:
    """The same by the shape of a message, for topics that everything is routed into."""
    keys = frozenset(row)
    if "ddl" in keys and "source" in keys:
        return True
    if keys == SERVICE_KEYS[0]:
        return True
    return keys <= SERVICE_KEYS[1] and {"status", "id"} <= keys


def event_row(change: Change) -> dict[str, Any] | None:
    """The event row after a create, update or snapshot read; None for a deletion or a note."""
    if change.op == "t":
        raise RefusedError(
            "truncate_not_applied",
            "the table was truncated, but none of its events was deleted here: if they are to go, "
            "delete them from ClickHouse's table events",
        )
    if change.op not in ("c", "u", "r"):
        return None
    if change.after is None:
        raise RefusedError("missing_field", f"a change of kind {change.op!r} has no row: `after`")
    row = known_row(change)
    if not change.plain or "experiment_id" in change.after:
        row.setdefault("experiment_id", None)
    for name in IDS:
        if name in row:
            row[name] = as_key(row[name])
    if "timestamp" in row:
        row["timestamp"] = as_time(row["timestamp"], change.fields.get("timestamp"))
    if isinstance(row.get("properties"), str):
        row["properties"] = _parsed(row["properties"])
    if "value" in row:
        row["value"] = as_number(row["value"], change.fields.get("value"))
    if is_unavailable(row.get("properties")):
        raise unavailable("properties")
    return row


def known_row(change: Change) -> dict[str, Any]:
    """The row after the change without nulls; what it does not say comes from the one before.

    Raises ``RefusedError`` for an event's column that neither of them knows.
    """
    row = {}
    for name, value in (change.after or {}).items():
        if is_unavailable(value):
            value = (change.before or {}).get(name)
            if name in COLUMNS and (value is None or is_unavailable(value)):
                raise unavailable(name)
        if value is not None:
            row[name] = value
    return row


def unavailable(name: str) -> RefusedError:
    """The refusal of a row whose column Debezium did not send."""
    return RefusedError(
        "unavailable_value",
        f"{name} is __debezium_unavailable_value: PostgreSQL does not log large columns that an "
        "update leaves alone. ALTER TABLE … REPLICA IDENTITY FULL, or send a snapshot of the row",
    )


def _enveloped(envelope: Envelope, fields: Fields) -> Change:
    return Change(
        op=envelope.op,
        after=envelope.after,
        before=envelope.before,
        source=envelope.source,
        ts_ms=envelope.ts_ms,
        fields=fields,
    )


def _flat(row: dict[str, Any], fields: Fields) -> Change:
    """A row without its envelope; the transform's marks say what happened to it."""
    op: Operation = "c"
    if str(row.get("__deleted")).lower() == "true" or row.get("__op") == "d":
        op = "d"
    elif row.get("__op") in ("u", "r", "t", "m"):
        op = row["__op"]
    kept = {name: value for name, value in row.items() if not name.startswith("__")}
    return Change(
        op=op,
        after=None if op == "d" else kept,
        before=kept if op == "d" else None,
        source=_marks(row),
        flat=True,
        fields=fields,
    )


def _marks(row: Mapping[str, Any]) -> dict[str, Any]:
    """``__table``, ``__source_ts_ms`` and the like under their names in an envelope's source."""
    marks = {}
    for name, value in row.items():
        if name.startswith("__") and value is not None:
            marks[name[2:].removeprefix("source_")] = value
    return marks


def _unframed(message: bytes) -> bytes:
    """A message without a schema registry's frame, where JSON is inside."""
    if not message or message[0] != MAGIC:
        return message
    for length in FRAMES:
        if message[length : length + 1] == b"{":
            return message[length:]
    raise RefusedError(
        "schema_registry_framing",
        f"the message begins with schema registry framing (a zero byte and schema id "
        f"{int.from_bytes(message[1:5], 'big')}) around Avro or Protobuf, which cannot be read: "
        f"set value.converter={CONVERTER} in the connector, or use the JSON Schema serializer",
    )


def _parsed(text: str) -> Any:
    """A JSON column comes as text."""
    try:
        return json.loads(text)
    except ValueError as error:
        if is_unavailable(text):
            raise unavailable("properties") from error
        raise msgspec.ValidationError("not JSON - at `$.properties`") from error
