"""Keeps stray quotes in a CSV file from swallowing rows.

The parser behind it takes a quote at the beginning of a field for one that is closed somewhere,
be it two hundred rows later. Data that read in one way pass through as they are. A line whose
quotes only fit as characters is written anew with doubled quotes, a line that fits no reading
becomes a bad row, and where two readings fit the file is refused with the line.
"""

from __future__ import annotations

import codecs
import threading
from typing import Any

from neonblue.errors import InvalidInputError
from neonblue.ingest.files.csv_fields import (
    QUOTE,
    Record,
    read_line,
    read_record,
    well_formed,
    written,
)
from neonblue.ingest.files.csv_layout import CsvLayout
from neonblue.ingest.files.csv_shape import RowShape
from neonblue.ingest.files.file_batch import MAX_LINE_BYTES, line_too_long

NEWLINE = 10


class CsvGuard:
    """A readable stream of whole records; ``stream`` is at the first row.

    ``refused`` maps a line, as the parser shows it, to why it is bad and what it was.
    """

    closed = False

    def __init__(self, stream: Any, layout: CsvLayout, file_name: str) -> None:
        self._stream = stream
        self._layout = layout
        self._shape = RowShape(layout)
        self._file_name = file_name
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._partial = False
        self._line = layout.first_line
        self._rest = b""
        self._ready = b""
        self._ended = False
        self._reading = threading.Lock()
        self.refused: dict[str, tuple[str, str]] = {}

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` of the next bytes; the parser asks ahead from a thread of its own."""
        with self._reading:
            return self._read(size)

    def stop(self) -> None:
        """Nothing more is read from the stream, which may be closed after this."""
        with self._reading:
            self._ended, self._ready = True, b""

    def _read(self, size: int) -> bytes:
        while not self._ready and not self._ended:
            self._fill(size - len(self._rest) if 2 * len(self._rest) < size else max(size, 1))
        if 0 <= size < len(self._ready):
            block, self._ready = self._ready[:size], self._ready[size:]
        else:
            block, self._ready = self._ready, b""
        return block

    def has_rows(self) -> bool:
        """Whether anything but blank lines is left; the parser fails without."""
        while not self._ended and not self._ready.strip():
            self._ready = b""
            self._fill(MAX_LINE_BYTES // 2)
        return bool(self._ready.strip())

    def close(self) -> None:
        """The stream is closed by who opened it."""

    def _fill(self, size: int) -> None:
        block: bytes = self._stream.read(size)
        self._check(block)
        if self._layout.carriage_returns:
            block = block.replace(b"\r", b"\n")
        self._ended = not block
        data = self._rest + block
        self._ready, self._rest = self._whole(data)
        if len(self._rest) > MAX_LINE_BYTES:
            raise line_too_long(self._file_name, self._line)

    def _check(self, block: bytes) -> None:
        if self._partial or not block.isascii():
            self._decoder.decode(block, final=not block)
            self._partial = bool(self._decoder.getstate()[0])

    def _whole(self, data: bytes) -> tuple[bytes, bytes]:
        """What may go to the parser, and what waits for more."""
        if QUOTE not in data:
            cut = len(data) if self._ended else data.rfind(b"\n") + 1
        else:
            cut = self._cut_of_well_formed(data)
            if cut < 0:
                return self._line_by_line(data)
        self._line += data.count(b"\n", 0, cut)
        return data[:cut], data[cut:]

    def _cut_of_well_formed(self, data: bytes) -> int:
        """Where the last whole record ends if every quote is where RFC 4180 wants it and fields
        over several lines can be nothing else; -1 if it has to be looked at line by line."""
        import numpy as np

        text = np.frombuffer(data, np.uint8)
        quotes = np.flatnonzero(text == QUOTE[0])
        opened, closed = quotes[0::2], quotes[1::2]
        around = np.zeros(256, bool)
        around[[self._layout.delimiter[0], NEWLINE, QUOTE[0]]] = True
        if not np.all(around[text[opened - (opened > 0)]]):
            return -1
        around[ord("\r")] = True
        if not np.all(around[text[np.minimum(closed + 1, len(text) - 1)]]):
            return -1
        if self._ended and len(opened) > len(closed):
            return -1
        lines = np.flatnonzero(text == NEWLINE)
        inside = (np.searchsorted(quotes, lines) & 1).astype(bool)
        ends = lines[~inside]
        cut = len(data) if self._ended else (int(ends[-1]) + 1 if len(ends) else 0)
        if len(data) - cut > MAX_LINE_BYTES // 2:
            return -1
        breaks = lines[inside & (lines < cut)]
        only_fields = not len(breaks) or self._only_fields(data, text, quotes, breaks, ends, cut)
        return cut if only_fields else -1

    def _only_fields(
        self, data: bytes, text: Any, quotes: Any, breaks: Any, ends: Any, cut: int
    ) -> bool:
        """Whether each record over several lines has a row's columns and no lines like rows.

        ``breaks`` are the places of line breaks within quotes, ``ends`` of all others.
        """
        import numpy as np

        ends = np.append(ends, cut)
        which = np.searchsorted(ends, breaks)
        records, first = np.unique(which, return_index=True)
        starts = np.where(records > 0, ends[records - 1] + 1, 0)
        stops = ends[records]
        last = breaks[np.append(first[1:], len(breaks)) - 1] + 1
        delimiters = np.flatnonzero(text == self._layout.delimiter[0])
        outside = delimiters[(np.searchsorted(quotes, delimiters) & 1) == 0]
        columns = np.searchsorted(outside, stops) - np.searchsorted(outside, starts) + 1
        if not all(map(self._shape.takes, np.unique(columns).tolist())):
            return False
        in_last = np.searchsorted(delimiters, stops) - np.searchsorted(delimiters, last) + 1
        doubtful = np.flatnonzero(in_last >= self._layout.required)
        return not any(
            self._shape.are_rows(data[starts[each] : stops[each]].split(b"\n")) for each in doubtful
        )

    def _line_by_line(self, data: bytes) -> tuple[bytes, bytes]:
        strict = well_formed(self._layout.delimiter)
        parts: list[bytes] = []
        position = 0
        while position < len(data):
            quote = data.find(QUOTE, position)
            start = data.rfind(b"\n", position, max(quote, position)) + 1 if quote >= 0 else 0
            if quote < 0:
                start = len(data) if self._ended else data.rfind(b"\n", position) + 1
            if start > position:
                parts.append(data[position:start])
                self._line += data.count(b"\n", position, start)
                position = start
            if quote < 0:
                break
            end = data.find(b"\n", position) + 1
            if end == 0 and not self._ended:
                break
            end = end or len(data)
            if strict.fullmatch(data, position, end):
                parts.append(data[position:end])
                self._line += 1
                position = end
                continue
            taken = self._odd(data, position, end)
            if taken is None:
                break
            parts.append(taken[0])
            self._line += data.count(b"\n", position, taken[1])
            position = taken[1]
        return b"".join(parts), data[position:]

    def _odd(self, data: bytes, start: int, end: int) -> tuple[bytes, int] | None:
        """What to pass on for the record or line at ``start``, and where it ends; None to wait."""
        record = read_record(data, start, self._layout.delimiter, final=self._ended)
        if record == "unfinished":
            if len(data) - start <= MAX_LINE_BYTES // 2:
                return None
            record = "broken"
        line = data[start:end].rstrip(b"\r\n")
        fields = read_line(line, self._layout.delimiter)
        if not isinstance(record, Record) or (record.end == end and b"\r" in line):
            return self._as_characters(line, fields), end
        if record.end == end:
            return data[start:end], end
        lines = data[start : record.end].rstrip(b"\r\n").split(b"\n")
        if self._shape.takes(record.columns):
            if self._shape.are_rows(lines):
                raise self._two_readings(len(lines))
            return data[start : record.end], record.end
        if self._shape.fits(fields) or self._shape.rows_in(lines):
            return self._as_characters(line, fields), end
        return data[start : record.end], record.end

    def _as_characters(self, line: bytes, fields: list[bytes]) -> bytes:
        if self._shape.fits(fields):
            return self._layout.delimiter.join(map(written, fields)) + b"\n"
        return self._refuse(line, "a quote that is not closed or not doubled")

    def _refuse(self, line: bytes, reason: str) -> bytes:
        """A line that the parser is sure to find too long."""
        delimiter = self._layout.delimiter
        quoted = QUOTE + line.replace(QUOTE, b'""') + QUOTE
        refused = quoted + delimiter * len(self._layout.names) + b"x"
        original = line.decode("utf-8", "replace")
        self.refused[refused.decode("utf-8", "replace")] = (reason, original)
        return refused + b"\n"

    def _two_readings(self, lines: int) -> InvalidInputError:
        last = self._line + lines - 1
        return InvalidInputError(
            f"{self._file_name!r} has a quote in line {self._line} that is closed only in line "
            f"{last}: it may be one field over {lines} lines or a stray quote, and then rows would "
            "be lost. Close it, or double it if it is a character. Nothing was loaded"
        )
