"""Which rule reads a column of times: told from all of its values, or by the user."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from neonblue.ingest.files.columns.number_decision import AmbiguousColumnError
from neonblue.ingest.files.columns.time_column import EXCEL, FORMS, NUMBER, TimeRule
from neonblue.ingest.files.columns.time_numbers import is_serial
from neonblue.ingest.files.columns.time_text import BASIC, day_and_month, read_time

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(slots=True)
class TimeCounts:
    """What was seen of a column of times: which forms, and how days and months stand."""

    read: int = 0
    serial: int = 0
    day_first: str = ""
    month_first: str = ""
    either: str = ""
    example: str = ""
    unread: int = 0
    serial_example: str = ""
    fault: str = ""

    def add(self, text: pa.Array) -> None:
        """Look at each distinct text."""
        import pyarrow.compute as pc

        unique = pc.unique(text.drop_null())
        numeric = pc.match_substring_regex(unique, NUMBER).to_pylist()
        for cell, is_number in zip(unique.to_pylist(), numeric, strict=True):
            if is_number and BASIC.fullmatch(cell) is None:
                self._add_number(cell)
            else:
                self._add_text(cell)

    def _add_number(self, cell: str) -> None:
        if is_serial(np.array([float(cell)]))[0]:
            self.serial += 1
            self.serial_example = self.serial_example or cell
        else:
            self.read += 1

    def _add_text(self, cell: str) -> None:
        parts = day_and_month(cell)
        if parts is None:
            try:
                known = read_time(cell) is not None
            except (ValueError, OverflowError) as error:
                known = False
                self.fault = self.fault or str(error)
            if known:
                self.read += 1
            else:
                self._add_unread(cell)
        elif max(parts) > 31 or min(parts) > 12:
            self._add_unread(cell)
        elif parts[0] > 12:
            self.day_first = self.day_first or cell
        elif parts[1] > 12:
            self.month_first = self.month_first or cell
        else:
            self.either = self.either or cell

    def _add_unread(self, cell: str) -> None:
        self.unread += 1
        self.example = self.example or cell


def decide_times(counts: TimeCounts, time_format: str | None = None) -> TimeRule:
    """The one rule for a column of text; raises ``AmbiguousColumnError`` where none can be told."""
    if time_format is not None:
        return TimeRule(time_format=time_format)
    if counts.serial > counts.read + counts.unread:
        raise AmbiguousColumnError(
            f"has numbers like {counts.serial_example!r}: if they are days as Excel counts them, "
            "say --time-format excel; otherwise export times as 2026-04-01 10:00:00"
        )
    if counts.day_first and counts.month_first:
        raise AmbiguousColumnError(
            f"has {counts.day_first!r} (day first) and {counts.month_first!r} (month first): write "
            "all times in one way, best as 2026-04-01 10:00:00"
        )
    if counts.day_first or counts.month_first:
        return TimeRule(day_first=bool(counts.day_first))
    if counts.either and "." not in counts.either[:3]:
        sign = next(letter for letter in counts.either if not letter.isdigit())
        raise AmbiguousColumnError(
            f"can be read in two ways: {counts.either!r} may have the day or the month first. Say "
            f"which with --time-format, as in --time-format {_format_like(counts.either, sign)!r}"
        )
    if not counts.read and not counts.either and counts.unread:
        why = f" ({counts.fault})" if counts.fault else ""
        raise AmbiguousColumnError(
            f"holds no times that are known, as in {counts.example!r}{why}: known are {FORMS}"
        )
    return TimeRule()


def _format_like(text: str, sign: str) -> str:
    clock = text.count(":")
    parts = ("", " %H:%M", " %H:%M:%S")[min(clock, 2)]
    if parts and text.rstrip(".").lower().endswith("m"):
        parts = parts.replace("%H", "%I") + " %p"
    return f"%m{sign}%d{sign}%Y{parts}"


def check_format(time_format: str) -> str | None:
    """What is wrong with a ``--time-format``, None when it can be used."""
    if time_format == EXCEL:
        return None
    moment = datetime(2026, 11, 23, 13, 14, 15, tzinfo=UTC)
    try:
        again = datetime.strptime(moment.strftime(time_format), time_format)
    except ValueError:
        return "is no format of strptime"
    if (again.year, again.month, again.day) != (2026, 11, 23):
        return "says no whole date"
    return None
