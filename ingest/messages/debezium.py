"""Changes that are no events: deletions, moves of keys, and rows of the definition tables.

The event decoder takes inserts, updates and snapshot reads of event rows out of their messages
(``envelope``). What it leaves over comes here, and what an update left behind:

    TableChange   a row of the platform's experiments, variants or metrics table, or its deletion
    EventKey      an event row that was deleted, or that an update moved away from this key
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import msgspec

from neonblue.ingest.messages.column_values import as_key, as_number, as_time
from neonblue.ingest.messages.connect_schema import (
    DECIMAL,
    TIME_UNITS,
    VARIABLE_DECIMAL,
    Field,
    Fields,
)
from neonblue.ingest.messages.envelope import Change, read_message
from neonblue.ingest.messages.event import RefusedError

DefinitionTable = Literal["experiments", "variants", "metrics"]

# What platforms call these tables.
TABLES: Mapping[str, DefinitionTable] = {
    "experiments": "experiments",
    "experiment": "experiments",
    "variants": "variants",
    "variant": "variants",
    "experiment_variants": "variants",
    "experiment_variant": "variants",
    "metrics": "metrics",
    "metric": "metrics",
    "experiment_metrics": "metrics",
    "experiment_metric": "metrics",
}


class EventKey(NamedTuple):
    """The key that makes an event one row; with ``user_id`` '' only ``event_id`` is known."""

    experiment_id: str
    user_id: str
    event_id: str


class Move(NamedTuple):
    """What an update of an event left behind.

    ``gone`` is the key it had, where the message tells. ``stays`` is its key now, where the
    message does not tell whether it had another one: then every other row of this event goes.
    """

    gone: EventKey | None
    stays: EventKey | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableChange:
    """One change of one row of a definition table.

    ``position`` grows with time within a table: the log position where the connector gives one,
    else its time. ``row`` is the row after the change, or before it when ``deleted``.
    """

    table: DefinitionTable
    row: Mapping[str, Any]
    deleted: bool
    position: int


def read_change(message: bytes, topic: str) -> TableChange | EventKey | None:
    """What a message says besides an event, or None when it says nothing else.

    Raises ``RefusedError`` for a row of a definition table with a value that cannot be read.
    """
    change = _change(message)
    if change is None or change.op in ("t", "m"):
        return None
    row = change.before if change.op == "d" else change.after
    if row is None:
        return None
    table = TABLES.get(_table_name(change, topic))
    if table is not None and not (change.flat and "event_id" in row):
        return TableChange(
            table=table,
            row=_readable(row, change.fields),
            deleted=change.op == "d",
            position=_position(change),
        )
    return event_key(row) if change.op == "d" else None


def read_move(message: bytes) -> Move | None:
    """What an update of an event leaves behind; None when it leaves nothing.

    Without REPLICA IDENTITY FULL an update comes without the row before it, or with its primary
    key alone; so does every row that the transform made flat.
    """
    change = _change(message)
    if change is None or change.op != "u" or not change.after:
        return None
    after = event_key(change.after)
    if after is None:
        return None
    before = event_key(change.before or {})
    if before is None:
        return Move(None, after)
    if before.user_id:
        return Move(before, None) if before != after else None
    renamed = before.event_id != after.event_id
    return Move(before if renamed else None, after)


def event_key(row: Mapping[str, Any]) -> EventKey | None:
    """The key in a row of an event table, or None when it has none.

    A deletion carries the whole key only when the table's replica identity is full; by default
    the columns outside the primary key come empty.
    """
    event_id = as_key(row.get("event_id"))
    if not isinstance(event_id, str) or not event_id:
        return None
    experiment_id, user_id = (as_key(row.get(name)) for name in ("experiment_id", "user_id"))
    return EventKey(str(experiment_id or ""), str(user_id or ""), event_id)


def _change(message: bytes) -> Change | None:
    try:
        return read_message(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, RefusedError):
        return None


def _readable(row: Mapping[str, Any], fields: Fields) -> dict[str, Any]:
    """The row with decimals and times as its schema means them."""
    return {name: _value(value, fields.get(name), name) for name, value in row.items()}


def _value(value: Any, field: Field | None, name: str) -> Any:
    if isinstance(value, dict) and value.keys() == {"scale", "value"}:
        return as_number(value, field, column=name)
    if field is None:
        return value
    if field.name in (DECIMAL, VARIABLE_DECIMAL):
        return as_number(value, field, column=name)
    if field.name in TIME_UNITS and isinstance(value, int):
        return as_time(value, field).isoformat()
    return value


def _table_name(change: Change, topic: str) -> str:
    table = (change.source or {}).get("table")
    return str(table) if table else topic.rsplit(".", 1)[-1]


def _position(change: Change) -> int:
    source = change.source or {}
    for name in ("lsn", "pos", "ts_ns", "ts_us", "ts_ms"):
        value = source.get(name)
        if isinstance(value, int) and value > 0:
            return value
    return change.ts_ms or 0
