"""Changes that are no events: deletions of event rows, and rows of the definition tables.

The event decoder takes inserts, updates and snapshot reads of event rows out of their envelopes
(``envelope``). What it leaves over comes here. A change is one of

    TableChange   a row of the platform's experiments, variants or metrics table, or its deletion
    EventKey      an event row that was deleted, or that an update moved away from this key
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import msgspec

from neonblue.ingest.envelope import Change, Envelope

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
    """What a message says besides an event, or None when it says nothing else."""
    change = _change(message)
    if change is None or change.op in ("t", "m"):
        return None
    table = TABLES.get(_table_name(change, topic))
    row = change.before if change.op == "d" else change.after
    if row is None:
        return None
    if table is not None:
        return TableChange(
            table=table, row=row, deleted=change.op == "d", position=_position(change)
        )
    return event_key(row) if change.op == "d" else None


def moved_key(message: bytes) -> EventKey | None:
    """The key an update took an event away from, when it changed the key."""
    change = _change(message)
    if change is None or change.op != "u" or not change.before or not change.after:
        return None
    before = event_key(change.before)
    return before if before != event_key(change.after) else None


def event_key(row: Mapping[str, Any]) -> EventKey | None:
    """The key in a row of an event table, or None when it has none.

    A deletion carries the whole key only when the table's replica identity is full; by default
    the columns outside the primary key come empty.
    """
    event_id = row.get("event_id")
    if not isinstance(event_id, str) or not event_id:
        return None
    return EventKey(str(row.get("experiment_id") or ""), str(row.get("user_id") or ""), event_id)


def _change(message: bytes) -> Change | None:
    if b'"op"' not in message:
        return None
    try:
        return msgspec.json.decode(message, type=Envelope).change
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


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
