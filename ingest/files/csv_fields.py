"""One record of a CSV file: as RFC 4180 reads it, and as a line whose quotes are only characters.

Inside an unquoted field a quote is a character in both readings. A field that begins with a quote
and is not closed before a delimiter or the end of a line is where they part.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

QUOTED = re.compile(rb'"[^"]*+(?:""[^"]*+)*+"')
QUOTE = b'"'


@dataclass(frozen=True, slots=True)
class Record:
    """Where a record ends (its line break included), and how many columns it has."""

    end: int
    columns: int


def read_record(
    data: bytes, start: int, delimiter: bytes, *, final: bool
) -> Record | Literal["broken", "unfinished"]:
    """The record at ``start``; broken if a quote is closed in the middle of a field or never.

    Unfinished means that more data may finish it, which ``final`` rules out.
    """
    position, columns = start, 1
    while True:
        if data.startswith(QUOTE, position):
            found = QUOTED.match(data, position)
            if found is None:
                return "broken" if final else "unfinished"
            position = found.end()
        else:
            found = _unquoted(delimiter).match(data, position)
            position = found.end() if found else position
        if data.startswith(delimiter, position):
            columns += 1
            position += 1
        elif data.startswith(b"\n", position):
            return Record(position + 1, columns)
        elif data.startswith(b"\r\n", position):
            return Record(position + 2, columns)
        elif data[position:] in (b"", b"\r"):
            return Record(len(data), columns) if final else "unfinished"
        else:
            return "broken"


def read_line(line: bytes, delimiter: bytes) -> list[bytes]:
    """The fields of one line, as they are written: quoted only where the quotes are right."""
    fields: list[bytes] = []
    position = 0
    while True:
        found = QUOTED.match(line, position) if line.startswith(QUOTE, position) else None
        end = found.end() if found else -1
        if not (end == len(line) or (end > 0 and line.startswith(delimiter, end))):
            end = line.find(delimiter, position)
        if end < 0 or end == len(line):
            fields.append(line[position:])
            return fields
        fields.append(line[position:end])
        position = end + 1


def text_of(field: bytes) -> bytes:
    """What a field says: without the quotes around it, and with doubled ones single."""
    if len(field) > 1 and field.startswith(QUOTE) and field.endswith(QUOTE):
        inner = field[1:-1]
        return inner.replace(b'""', QUOTE) if QUOTED.fullmatch(field) else inner
    return field


def written(field: bytes) -> bytes:
    """A field as RFC 4180 wants it."""
    if QUOTE not in field and b"\r" not in field:
        return field
    return QUOTE + text_of(field).replace(QUOTE, b'""') + QUOTE


@cache
def well_formed(delimiter: bytes) -> re.Pattern[bytes]:
    """Matches one whole line (with its line break) that RFC 4180 reads in one way."""
    unquoted = rb'[^"\n' + re.escape(delimiter) + rb"]*+"
    field = rb"(?:" + QUOTED.pattern + rb"|" + unquoted + rb")"
    return re.compile(field + rb"(?:" + re.escape(delimiter) + field + rb")*+\r?\n?")


@cache
def _unquoted(delimiter: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"(?:[^\r\n" + re.escape(delimiter) + rb"]|\r(?!\n|\Z))*+")
