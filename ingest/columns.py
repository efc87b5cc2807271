"""Columns of a file to text, numbers and times; what cannot be converted is marked."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from neonblue.ingest.envelope import as_time

if TYPE_CHECKING:
    import pyarrow as pa

TRUE = frozenset({"true", "t", "yes", "y"})
FALSE = frozenset({"false", "f", "no", "n"})
NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?\Z")


def to_text(column: pa.Array) -> pa.Array:
    """Text without surrounding white space; null stays null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return pc.utf8_trim_whitespace(pc.cast(column, pa.string()))


def to_number(column: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Float64 values, and which entries are no number at all; truth values are 1 and 0."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_decimal(column.type) or pa.types.is_boolean(column.type):
        column = pc.cast(column, pa.string())
    try:
        return pc.cast(column, pa.float64()), _none(column)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        # Some value is no number: one at a time, so that the others are kept and it is named.
        return _each(column, _number, pa.float64())


def to_time(column: pa.Array) -> tuple[pa.Array, pa.Array]:
    """UTC times, and which entries are no time; without an offset a time is taken as UTC.

    ISO 8601 text, or epoch seconds, milli-, micro- or nanoseconds as numbers.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = pa.timestamp("us", "UTC")
    if pa.types.is_date(column.type):
        column = pc.cast(column, pa.timestamp("us"))
    if pa.types.is_timestamp(column.type):
        if column.type.tz is None:
            column = pc.assume_timezone(column, "UTC")
        return column.cast(kind, safe=False), _none(column)
    text = to_text(column)
    if _looks_iso(text):
        try:
            return pc.assume_timezone(pc.cast(text, pa.timestamp("us")), "UTC"), _none(column)
        except pa.ArrowInvalid:
            pass
    return _each(text, _time, kind)


def _looks_iso(text: pa.Array) -> bool:
    """Whether every entry begins like a date: ``1489000000`` would else be read as a year."""
    import pyarrow.compute as pc

    shaped = pc.match_substring_regex(text, r"^\d{4}-\d{2}-\d{2}([T ]|$)")
    return bool(pc.all(shaped, min_count=0).as_py())


def _each(
    column: pa.Array, convert: Callable[[str], Any], kind: pa.DataType
) -> tuple[pa.Array, pa.Array]:
    """Entry by entry, for the columns that hold something odd."""
    import pyarrow as pa

    values, bad = [], []
    for text in to_text(column).to_pylist():
        try:
            values.append(None if text is None else convert(text))
            bad.append(False)
        except (ValueError, OverflowError, msgspec.ValidationError):
            values.append(None)
            bad.append(True)
    return pa.array(values, kind), pa.array(bad, pa.bool_())


def _number(text: str) -> float:
    lowered = text.lower()
    if lowered in TRUE:
        return 1.0
    if lowered in FALSE:
        return 0.0
    return float(text)


def _time(text: str) -> datetime:
    if NUMBER.match(text):
        return _epoch(float(text))
    parsed = datetime.fromisoformat(text)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def _epoch(number: float) -> datetime:
    """Epoch seconds up to the year 5138, larger numbers by their size."""
    if abs(number) < 1e11:
        return datetime.fromtimestamp(number, UTC)
    moment: datetime = as_time(round(number))
    return moment


def _none(column: pa.Array) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    return pa.array(np.zeros(len(column), dtype=bool))
