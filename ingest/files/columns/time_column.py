"""One rule to read a column of times: decided from all of its values, then applied."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from neonblue.ingest.files.columns.text import decoded, is_text
from neonblue.ingest.files.columns.time_numbers import (
    epoch_microseconds,
    excel_microseconds,
    is_serial,
)
from neonblue.ingest.files.columns.time_text import read_time

if TYPE_CHECKING:
    import pyarrow as pa

EXCEL = "excel"
FORMS = (
    "2026-04-01 10:00:00 (with Z, UTC, an offset or nothing for UTC), 2026/4/1, 20260401, "
    "01.04.2026, Apr 1, 2026 10:00 AM, epoch seconds to nanoseconds, or what --time-format says "
    "(%d/%m/%Y %H:%M, excel)"
)
# What a datetime can hold, in microseconds since 1970.
FIRST, LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
# A number as CSV files write it; Python's float would take more.
NUMBER = r"^[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?$"
CANONICAL = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ]|$)"
IN_UTC = r"(:[0-9]{2}(?:\.[0-9]+)?)(?:Z| UTC|\+00:?00)$"
MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": -1_000}


class TimeRule:
    """Reads the cells of one column as UTC times; without a zone a time is taken as UTC.

    ``day_first`` says how 3/4/2026 is read, ``time_format`` is ``excel`` or a format of strptime.
    """

    def __init__(self, *, day_first: bool | None = None, time_format: str | None = None) -> None:
        self._day_first = day_first
        self._format = time_format

    @property
    def forms(self) -> str:
        """What is read, in words: the one form that was asked for, or all that are known."""
        if self._format is None:
            return f"known are {FORMS}"
        if self._format == EXCEL:
            return "--time-format excel reads day numbers like 46113.5"
        example = datetime(2026, 4, 1, 10, 0, tzinfo=UTC).strftime(self._format)
        return f"--time-format {self._format!r} reads times like {example!r}"

    def read(self, column: pa.Array) -> tuple[pa.Array, pa.Array]:
        """Microseconds with zone UTC, and which entries are no time; both as long as the column."""
        import pyarrow as pa

        column = decoded(column)
        if pa.types.is_date(column.type):
            column = column.cast(pa.timestamp("s"))
        if pa.types.is_timestamp(column.type):
            return _bounded(column)
        if is_text(column.type):
            return self._read_text(column)
        return _from_microseconds(column, self._number(_floats(column)))

    def _read_text(self, column: pa.Array) -> tuple[pa.Array, pa.Array]:
        import pyarrow as pa
        import pyarrow.compute as pc

        if self._format is None and (times := canonical_times(column)) is not None:
            return times, _none(column)
        encoded = pc.cast(column, pa.string()).dictionary_encode()
        texts = encoded.dictionary
        found = np.full(len(texts), np.nan)
        numeric = pc.match_substring_regex(texts, NUMBER).to_numpy(zero_copy_only=False)
        for place, text in enumerate(texts.to_pylist()):
            if self._format != EXCEL and (moment := self._moment(text)) is not None:
                # Whole microseconds of today are exact as doubles.
                found[place] = _microseconds(moment)
        left = np.nonzero(numeric & np.isnan(found))[0]
        if len(left) and self._format in (None, EXCEL):
            numbers = pc.cast(texts.take(pa.array(left)), pa.float64())
            found[left] = self._number(numbers.to_numpy(zero_copy_only=False))
        values = pa.array(found, pa.float64(), from_pandas=True).take(encoded.indices)
        return _from_microseconds(column, values.to_numpy(zero_copy_only=False))

    def _moment(self, text: str) -> datetime | None:
        try:
            if self._format is None:
                return read_time(text, day_first=self._day_first)
            moment = datetime.strptime(text, self._format)
        except (ValueError, OverflowError):
            return None
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

    def _number(self, numbers: Any) -> Any:
        return excel_microseconds(numbers) if self._format == EXCEL else _dates_or_epochs(numbers)


def canonical_times(column: pa.Array) -> pa.Array | None:
    """Text as times when all of it is ISO 8601 in UTC as databases write it, else None."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = pa.timestamp("us")
    # "1489000000" would else be read as a year.
    if not pc.all(pc.match_substring_regex(column, CANONICAL), min_count=0).as_py():
        return None
    try:
        return pc.assume_timezone(pc.cast(column, kind), "UTC")
    except pa.ArrowInvalid:
        plain = pc.replace_substring_regex(
            column, r"(:[0-9]{2}(?:\.[0-9]+)?)(?:Z| UTC|\+00:?00)$", r"\1"
        )
    try:
        return pc.assume_timezone(pc.cast(plain, kind), "UTC")
    except pa.ArrowInvalid:
        return None


def _dates_or_epochs(numbers: Any) -> Any:
    """Whole numbers like 20260401 are dates, days as Excel counts them are not read, and anything
    else counts from 1970.
    """
    found = np.where(is_serial(numbers), np.nan, epoch_microseconds(numbers))
    dates = (numbers >= 19_000_101) & (numbers <= 20_991_231) & (np.floor(numbers) == numbers)
    for place in np.nonzero(dates)[0]:
        try:
            moment = read_time(str(int(numbers[place])))
        except ValueError:
            moment = None
        found[place] = np.nan if moment is None else _microseconds(moment)
    return found


def _microseconds(moment: datetime) -> float:
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1e6 + since.microseconds


def _floats(column: pa.Array) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False)


def _from_microseconds(column: pa.Array, found: Any) -> tuple[pa.Array, pa.Array]:
    import pyarrow as pa
    import pyarrow.compute as pc

    known = np.isfinite(found) & (found >= FIRST) & (found <= LAST)
    whole = np.where(known, found, 0).astype(np.int64)
    times = pa.array(whole, pa.int64(), mask=~known).cast(pa.timestamp("us", "UTC"))
    return times, pc.and_(pc.is_valid(column), pa.array(~known))


def _bounded(column: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Timestamps in any unit; those outside the years 1 to 9999 are no times."""
    import pyarrow as pa
    import pyarrow.compute as pc

    factor = MICROSECONDS[column.type.unit]
    ticks = column.cast(pa.int64())
    first, last = (
        (FIRST // factor, LAST // factor) if factor > 0 else (FIRST * -factor, LAST * -factor)
    )
    limits = (max(first, -(2**63)), min(last, 2**63 - 1))
    inside = pc.and_(pc.greater_equal(ticks, limits[0]), pc.less_equal(ticks, limits[1]))
    outside = pc.invert(pc.fill_null(inside, True))
    ticks = pc.if_else(outside, pa.scalar(None, pa.int64()), ticks)
    micro = pc.multiply(ticks, factor) if factor > 0 else pc.divide(ticks, -factor)
    return micro.cast(pa.timestamp("us", "UTC")), outside


def _none(column: pa.Array) -> pa.Array:
    import pyarrow as pa

    return pa.array(np.zeros(len(column), dtype=bool))
