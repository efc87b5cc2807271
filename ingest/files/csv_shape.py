"""Whether a line looks like a row of this file: its columns, and values like those of others."""

from __future__ import annotations

import re
from collections.abc import Sequence

from neonblue.ingest.files.csv_fields import QUOTE, read_line
from neonblue.ingest.files.csv_layout import CsvLayout

NUMBER = re.compile(rb"\s*[-+(]?[\d.,'\s\xa0]*\d[\d.,]*[%)]?\s*\Z")
MIN_ROWS = 20
# A column is one of categories when its values come up this often.
TIMES_SEEN = 10


class RowShape:
    """What the rows of a file look like, from the first of them."""

    def __init__(self, layout: CsvLayout) -> None:
        self._layout = layout
        rows = [row for row in layout.sample if len(row) == len(layout.names)]
        self._numbers: list[int] = []
        self._categories: dict[int, frozenset[bytes]] = {}
        if len(rows) < MIN_ROWS:
            return
        for index, values in enumerate(zip(*rows, strict=True)):
            if all(NUMBER.match(value) for value in values):
                self._numbers.append(index)
            elif len(set(values)) * TIMES_SEEN <= len(values):
                self._categories[index] = frozenset(values)

    def takes(self, columns: int) -> bool:
        """Whether a record of so many columns can be a row."""
        return self._layout.required <= columns <= len(self._layout.names)

    def fits(self, fields: Sequence[bytes]) -> bool:
        """Whether the columns can be a row's; empty ones too many are nobody's business."""
        if len(fields) > len(self._layout.names):
            return not any(fields[len(self._layout.names) :])
        return self.takes(len(fields))

    def are_rows(self, lines: Sequence[bytes]) -> bool:
        """Whether the lines of one quoted field could as well be rows, the first to the last."""
        if not (self._is_row(lines[-1]) and self._is_row(lines[0])):
            return False
        return 2 * sum(map(self._is_row, lines)) >= len(lines)

    def rows_in(self, lines: Sequence[bytes]) -> bool:
        """Whether any line after the first could be a row."""
        return any(self._is_row(line) for line in lines[1:])

    def _is_row(self, line: bytes) -> bool:
        fields = read_line(line.rstrip(b"\r"), self._layout.delimiter)
        if not self.fits(fields):
            return False
        plain = {i: field for i, field in enumerate(fields) if QUOTE not in field}
        known = [
            *(bool(NUMBER.match(plain[i])) for i in self._numbers if i in plain),
            *(plain[i] in values for i, values in self._categories.items() if i in plain),
        ]
        return any(known) or not known
