"""What a load could not use: counted by reason, and written to a file that can be mended."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import IO, Any

from neonblue.errors import InvalidInputError

HEADER = ("row", "reason", "detail", "content")


class Rejects:
    """Collects rejected rows; the file is made with the first of them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reasons: Counter[str] = Counter()
        self._file: IO[str] | None = None
        self._writer: Any = None

    @property
    def total(self) -> int:
        """How many rows were rejected."""
        return self.reasons.total()

    def add(self, row: int, reason: str, detail: str, content: str) -> None:
        """Count a row (from 1, without the header) and write it down."""
        if self._file is None:
            self._open()
        self.reasons[reason] += 1
        self._writer.writerow((row, reason, detail, content))

    def close(self) -> None:
        """Finish the file."""
        if self._file is not None:
            self._file.close()

    def summary(self) -> str:
        """The commonest reasons in words."""
        common = (f"{reason} ({count})" for reason, count in self.reasons.most_common(3))
        return ", ".join(common)

    def _open(self) -> None:
        try:
            self._file = self.path.open("w", encoding="utf-8", newline="", errors="replace")
        except OSError as error:
            raise InvalidInputError(
                f"rejected rows cannot be written to {str(self.path)!r} ({error.strerror}): "
                "say where with --rejects FILE"
            ) from error
        self._writer = csv.writer(self._file)
        self._writer.writerow(HEADER)
