"""The rules every event keeps, checked on whole columns, whatever source it came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from neonblue.ingest.messages.event import (
    CLOCK_SKEW,
    EARLIEST,
    EXPOSURE,
    MAX_ID_LENGTH,
    MAX_PROPERTIES,
    MAX_PROPERTY_LENGTH,
    MAX_VALUE,
    TOO_LARGE,
    Reason,
)

if TYPE_CHECKING:
    import pyarrow as pa

REQUIRED = ("event_id", "user_id", "event_type")
NAMES = (*REQUIRED, "experiment_id", "variant_id", "session_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A row that breaks a rule."""

    row: int
    reason: Reason
    detail: str


def check_events(events: pa.Table, now: datetime) -> list[Finding]:
    """The first rule that each bad row of an event table breaks; empty when all are good."""
    found: dict[int, Finding] = {}
    for rule in (_empty, _long, _nul, _time, _value, _exposure, _properties):
        for finding in rule(events, now):
            found.setdefault(finding.row, finding)
    return [found[row] for row in sorted(found)]


def _empty(events: pa.Table, now: datetime) -> Iterator[Finding]:
    import pyarrow.compute as pc

    for name in REQUIRED:
        for row in _rows(pc.equal(events[name], "")):
            yield Finding(row=row, reason="empty_field", detail=f"{name} is empty")


def _long(events: pa.Table, now: datetime) -> Iterator[Finding]:
    import pyarrow.compute as pc

    for name in NAMES:
        for row in _rows(pc.greater(pc.utf8_length(events[name]), MAX_ID_LENGTH)):
            detail = f"{name} is longer than {MAX_ID_LENGTH} characters"
            yield Finding(row=row, reason="too_long", detail=detail)


def _nul(events: pa.Table, now: datetime) -> Iterator[Finding]:
    import pyarrow.compute as pc

    for name in NAMES:
        for row in _rows(pc.match_substring(events[name], "\0")):
            yield Finding(row=row, reason="nul_byte", detail=f"{name} holds a NUL byte")


def _time(events: pa.Table, now: datetime) -> Iterator[Finding]:
    import pyarrow as pa
    import pyarrow.compute as pc

    column = events["timestamp"]
    early = pc.less(column, pa.scalar(EARLIEST, column.type))
    late = pc.greater(column, pa.scalar(now + CLOCK_SKEW, pa.timestamp("us", "UTC")))
    for row in _rows(pc.or_(early, late)):
        detail = f"timestamp {_shown(column, row)} is not between {EARLIEST.date()} and tomorrow"
        yield Finding(row=row, reason="timestamp_out_of_range", detail=detail)


def _value(events: pa.Table, now: datetime) -> Iterator[Finding]:
    import pyarrow.compute as pc

    column = events["value"]
    finite = pc.is_finite(column)
    for row in _rows(pc.invert(finite)):
        detail = f"value is {column[row].as_py()!r}"
        yield Finding(row=row, reason="value_not_finite", detail=detail)
    for row in _rows(pc.and_(finite, pc.greater(pc.abs(column), MAX_VALUE))):
        detail = f"value {column[row].as_py()!r} {TOO_LARGE}"
        yield Finding(row=row, reason="value_too_large", detail=detail)


def _exposure(events: pa.Table, now: datetime) -> Iterator[Finding]:
    import pyarrow.compute as pc

    exposed = pc.equal(events["event_type"], EXPOSURE)
    for name in ("experiment_id", "variant_id"):
        for row in _rows(pc.and_(exposed, pc.equal(events[name], ""))):
            detail = f"an exposure needs {name}"
            yield Finding(row=row, reason="exposure_without_variant", detail=detail)


def _properties(events: pa.Table, now: datetime) -> Iterator[Finding]:
    import numpy as np
    import pyarrow as pa

    column = events["properties"].combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    # Dropping what a slice leaves over, so that offsets, keys and items fit together.
    column = pa.concat_arrays([column, column.slice(0, 0)])
    offsets = np.asarray(column.offsets)
    for number in np.nonzero(np.diff(offsets) > MAX_PROPERTIES)[0]:
        detail = f"more than {MAX_PROPERTIES} properties"
        yield Finding(row=int(number), reason="too_large", detail=detail)
    for part in (column.keys, column.items):
        yield from _texts(part, offsets)


def _texts(texts: pa.Array, offsets: Any) -> Iterator[Finding]:
    """Keys or values of a map column that are too long or hold a NUL byte."""
    import pyarrow.compute as pc

    for row in _owners(offsets, pc.greater(pc.utf8_length(texts), MAX_PROPERTY_LENGTH)):
        detail = f"a property is longer than {MAX_PROPERTY_LENGTH} characters"
        yield Finding(row=row, reason="too_long", detail=detail)
    for row in _owners(offsets, pc.match_substring(texts, "\0")):
        yield Finding(row=row, reason="nul_byte", detail="a property holds a NUL byte")


def _owners(offsets: Any, mask: pa.Array) -> list[int]:
    """The rows of a map column that own the marked entries."""
    import numpy as np

    entries = np.asarray(_rows(mask), dtype=np.int64)
    owners = np.searchsorted(offsets, entries, side="right") - 1
    return sorted({int(owner) for owner in owners})


def _rows(mask: Any) -> list[int]:
    """Indices where a mask is true; null is false."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pc.any(mask).as_py():
        return []
    rows: list[int] = pc.indices_nonzero(mask.fill_null(pa.scalar(False))).to_pylist()
    return rows


def _shown(column: pa.ChunkedArray, row: int) -> str:
    import pyarrow as pa

    try:
        return str(column[row].as_py().isoformat())
    except (ValueError, OverflowError):
        return f"{column[row].cast(pa.int64()).as_py()} ms"
