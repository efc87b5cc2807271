"""Where the rows of a CSV file begin, what separates their columns and what these are called.

Found out from the first megabyte: a byte order mark, Excel's ``sep=`` line, lines before the header
(comments with ``#``, titles, blank lines), the delimiter that gives the steadiest columns.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from neonblue.errors import InvalidInputError
from neonblue.ingest.files.csv_fields import Record, read_line, read_record, text_of
from neonblue.ingest.files.packed import read_up_to

MAX_HEADER_BYTES = 1 << 20
SAMPLE_RECORDS = 200
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SEPARATOR_LINE = re.compile(rb'"?sep=([^"\r\n])"?\r?\n', re.IGNORECASE)
# In doubt the rarer one: a comma is also in numbers and in prose.
DELIMITERS = (b"\t", b";", b"|", b",")


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvLayout:
    """``names`` are those of all columns, '' where the header has none; rows begin at ``data_at``.

    ``first_line`` is the line that the first row is in, from 1. ``sample`` holds what the first
    rows say, a tuple a row. ``carriage_returns`` alone end the lines of old files.
    """

    delimiter: bytes
    names: tuple[str, ...]
    data_at: int
    first_line: int
    sample: tuple[tuple[bytes, ...], ...]
    carriage_returns: bool = False

    @property
    def required(self) -> int:
        """How many columns a row needs: those after it have no name."""
        return max(index for index, name in enumerate(self.names, 1) if name)


@dataclass(frozen=True, slots=True)
class _Line:
    """A record of the sample: where it is, and how many columns it has (0 in a blank line)."""

    start: int
    end: int
    columns: int
    text: bytes


@dataclass(frozen=True, slots=True)
class _Reading:
    """The sample with one delimiter: the header, the rows after it, and how well they agree."""

    delimiter: bytes
    header: _Line
    rows: tuple[_Line, ...]
    skipped: bool

    @property
    def rank(self) -> tuple[float, int]:
        agreeing = 1 + sum(row.columns == self.header.columns for row in self.rows)
        if self.header.columns < 2:
            return 0.0, 1
        return agreeing * (0.5 if self.skipped else 1.0), self.header.columns


def find_layout(stream: Any, file_name: str) -> CsvLayout:
    """The layout of a file from its unpacked bytes; raises when no header can be found."""
    start = read_up_to(stream, MAX_HEADER_BYTES)
    complete = len(start) < MAX_HEADER_BYTES
    old = b"\n" not in start and b"\r" in start
    if old:
        start = start.replace(b"\r", b"\n")
    if not start.strip(BYTE_ORDER_MARK + b"\r\n \t,;\x00"):
        raise InvalidInputError(f"{file_name!r} has no header: put column names in its first line")
    begin = len(BYTE_ORDER_MARK) if start.startswith(BYTE_ORDER_MARK) else 0
    said = SEPARATOR_LINE.match(start, begin)
    if said is not None:
        begin = said.end()
    candidates = (said[1],) if said is not None else DELIMITERS
    readings = [_read(start, begin, delimiter, complete) for delimiter in candidates]
    found = [reading for reading in readings if reading is not None]
    if not found:
        raise InvalidInputError(
            f"the header of {file_name!r} is longer than {MAX_HEADER_BYTES >> 20} MB: export only "
            "the columns that are needed. Nothing was loaded"
        )
    best = max(found, key=lambda reading: reading.rank)
    if best.header.columns < 2 and said is None:
        best = found[-1]
    return CsvLayout(
        delimiter=best.delimiter,
        names=_names(best, file_name),
        data_at=best.header.end,
        first_line=start.count(b"\n", 0, best.header.end) + 1,
        sample=tuple(_fields(row, best.delimiter) for row in best.rows if row.columns),
        carriage_returns=old,
    )


def _read(start: bytes, begin: int, delimiter: bytes, complete: bool) -> _Reading | None:
    lines = list(islice(_lines(start, begin, delimiter, complete), SAMPLE_RECORDS))
    written = [line for line in lines if line.columns]
    if not written:
        return None
    widths = Counter(line.columns for line in written)
    width = max(widths, key=lambda columns: (widths[columns], columns))
    at = _header_at(lines, width)
    skipped = any(line.columns and not line.text.startswith(b"#") for line in lines[:at])
    return _Reading(delimiter, lines[at], tuple(lines[at + 1 :]), skipped)


def _header_at(lines: list[_Line], width: int) -> int:
    """The first line as wide as the rows; before it only what no header looks like is skipped."""
    blank_before = -1
    first_wide = next(i for i, line in enumerate(lines) if line.columns == width)
    for index in range(first_wide):
        if not lines[index].columns:
            blank_before = index
    for index, line in enumerate(lines):
        comment = line.text.startswith((b"# ", b"##")) or line.text in (b"#", b"")
        if not line.columns or (comment and first_wide > index):
            continue
        if line.columns == width:
            if comment and index + 1 < len(lines) and lines[index + 1].columns == width:
                continue
            return index
        title = line.columns == 1 or index < blank_before or line.text.startswith(b"#")
        if not (title and first_wide > index):
            return index
    return first_wide


def _lines(start: bytes, begin: int, delimiter: bytes, complete: bool) -> Iterator[_Line]:
    position = begin
    while position < len(start):
        record = read_record(start, position, delimiter, final=complete)
        if not isinstance(record, Record):
            end = start.find(b"\n", position) + 1
            if end == 0 and not complete:
                return
            line = start[position : end or len(start)].rstrip(b"\r\n")
            record = Record(end or len(start), len(read_line(line, delimiter)))
        text = start[position : record.end].rstrip(b"\r\n")
        blank = not text.strip(b" \t")
        yield _Line(position, record.end, 0 if blank else record.columns, text)
        position = record.end


def _names(reading: _Reading, file_name: str) -> tuple[str, ...]:
    names = tuple(
        text.decode("utf-8").strip() for text in _fields(reading.header, reading.delimiter)
    )
    if any("\0" in name for name in names):
        raise InvalidInputError(
            f"{file_name!r} has NUL bytes in its header: it is UTF-16 without a byte order mark, "
            "or no text; export it again as UTF-8, or convert it with `iconv -f utf-16le -t utf-8`."
            " Nothing was loaded"
        )
    if not any(names):
        raise InvalidInputError(f"{file_name!r} has no header: put column names in its first line")
    return names


def _fields(line: _Line, delimiter: bytes) -> tuple[bytes, ...]:
    return tuple(text_of(field) for field in read_line(line.text, delimiter))
