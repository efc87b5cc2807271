"""Debezium envelopes: the row inside a change message, as if it had been sent plainly."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

Operation = Literal["c", "u", "r", "d", "t", "m"]
# Debezium writes times as text or as epoch milli-, micro- or nanoseconds, by the column's type.
SCALES = ((10**17, 1e9), (10**14, 1e6), (0, 1e3))


class Change(msgspec.Struct, frozen=True):
    """One change of one row; ``op`` is create, update, read (snapshot), delete or truncate."""

    op: Operation
    after: dict[str, Any] | None = None
    before: dict[str, Any] | None = None
    source: dict[str, Any] | None = None
    ts_ms: int | None = None


class Envelope(msgspec.Struct, frozen=True):
    """A change with or without the schema wrapper (``{"schema": …, "payload": …}``)."""

    payload: Change | None = None
    op: Operation | None = None
    after: dict[str, Any] | None = None
    before: dict[str, Any] | None = None
    source: dict[str, Any] | None = None
    ts_ms: int | None = None

    @property
    def change(self) -> Change:
        """The change inside; raises ``msgspec.ValidationError`` when there is none."""
        if self.payload is not None:
            return self.payload
        if self.op is None:
            raise msgspec.ValidationError("Object missing required field `op`")
        return Change(
            op=self.op,
            after=self.after,
            before=self.before,
            source=self.source,
            ts_ms=self.ts_ms,
        )


def unwrap(envelope: Envelope) -> dict[str, Any] | None:
    """The event row after a create, update or snapshot read; None for anything else."""
    change = envelope.change
    if change.op not in ("c", "u", "r") or change.after is None:
        return None
    row = {key: value for key, value in change.after.items() if value is not None}
    row.setdefault("experiment_id", None)
    if "timestamp" in row:
        row["timestamp"] = as_time(row["timestamp"])
    if isinstance(row.get("properties"), str):
        row["properties"] = _parsed(row["properties"])
    if isinstance(row.get("value"), str):
        row["value"] = _number(row["value"])
    return row


def as_time(value: Any) -> Any:
    """A time from epoch milli-, micro- or nanoseconds; anything else is left to the decoder."""
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    scale = next((scale for floor, scale in SCALES if abs(value) >= floor), 1e3)
    try:
        return datetime.fromtimestamp(value / scale, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise msgspec.ValidationError(f"{value!r} is no time - at `$.timestamp`") from error


def _parsed(text: str) -> Any:
    """A JSON column comes as text."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise msgspec.ValidationError("not JSON - at `$.properties`") from error


def _number(text: str) -> float:
    """A decimal column comes as text (``decimal.handling.mode=string``)."""
    try:
        return float(text)
    except ValueError as error:
        raise msgspec.ValidationError(f"{text!r} is no number - at `$.value`") from error
