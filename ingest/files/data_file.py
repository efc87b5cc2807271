"""Files as batches of Arrow columns in bounded memory: CSV, Parquet, JSON; packed or not.

A file that cannot be read as a whole raises ``InvalidInputError`` with what to do; a row that
cannot be read is handed on with its number, so that it is counted and not lost.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from neonblue.errors import InvalidInputError, NotFoundError
from neonblue.ingest.files.csv_file import csv_batches, csv_layout
from neonblue.ingest.files.csv_layout import CsvLayout
from neonblue.ingest.files.file_batch import WHOLE_ROW, BadLine, FileBatch, explained
from neonblue.ingest.files.json_file import json_batches, json_columns
from neonblue.ingest.files.json_file import json_lines as lines_of_json
from neonblue.ingest.files.packed import (
    PARQUET,
    TAR,
    TAR_AT,
    byte_stream,
    first_bytes,
    inner_name,
    is_packed,
    read_up_to,
)
from neonblue.ingest.files.parquet_file import parquet_batches, parquet_columns
from neonblue.models.close_names import close_names

__all__ = ["WHOLE_ROW", "BadLine", "DataFile", "FileBatch", "json_lines", "open_file"]

FileFormat = Literal["csv", "parquet", "jsonl"]
SHOWN_COLUMNS = 40
FINGERPRINT_BYTES = 1 << 20
START_BYTES = 512
# No header of a CSV file begins so, whatever the file is called.
OBJECTS = (b'{"', b'[{"')
SUFFIXES: dict[str, FileFormat] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """A file that was opened once: its format, columns and size on disk.

    ``repeated`` are the names that several columns have: none of them can be read.
    """

    path: Path
    format: FileFormat
    columns: tuple[str, ...]
    size_bytes: int
    repeated: frozenset[str] = frozenset()
    layout: CsvLayout | None = None

    def fingerprint(self) -> str:
        """Tells this file from others: its size, beginning and end; not what it is called."""
        with self.path.open("rb") as file:
            start = file.read(FINGERPRINT_BYTES)
            file.seek(max(0, self.size_bytes - FINGERPRINT_BYTES))
            end = file.read(FINGERPRINT_BYTES)
        return hashlib.blake2b(
            str(self.size_bytes).encode() + b"\0" + start + end, digest_size=16
        ).hexdigest()

    def batches(self, columns: Sequence[str]) -> Iterator[FileBatch]:
        """The named columns, in file order; raises when the file turns out to be broken.

        May be called again. ``WHOLE_ROW`` among the columns is all that the row says.
        """
        self._require([column for column in columns if column != WHOLE_ROW])
        with explained(self.path):
            if self.format == "parquet":
                yield from parquet_batches(self.path, columns)
            elif self.layout is not None:
                yield from csv_batches(self.path, self.layout, columns)
            else:
                yield from json_batches(self.path, columns)

    def _require(self, columns: Sequence[str]) -> None:
        known = set(self.columns)
        for column in columns:
            if column in self.repeated:
                raise InvalidInputError(
                    f"{self.path.name!r} has the column {column!r} more than once: rename one of "
                    "them. Nothing was loaded"
                )
            if column not in known:
                shown = ", ".join(map(repr, self.columns[:SHOWN_COLUMNS]))
                more = len(self.columns) - SHOWN_COLUMNS
                raise InvalidInputError(
                    f"{self.path.name!r} has no column {column!r}: {self._hint(column)} has "
                    f"{shown}{f' and {more} more' if more > 0 else ''}{self._undivided()}"
                )

    def _undivided(self) -> str:
        """What to say of a header that nothing divides into columns."""
        if self.layout is None or len(self.layout.names) > 1:
            return ""
        return (
            ". Nothing in its header divides columns: export it with comma, semicolon, tab or bar "
            "between them"
        )

    def _hint(self, column: str) -> str:
        nested = [name for name in self.columns if name.endswith(f".{column}")]
        close = nested[:1] or close_names(column, self.columns, 1)
        return f"did you mean {close[0]!r}? It" if close else "it"


def open_file(path: Path) -> DataFile:
    """Look at a file: what it is and which columns it has. Raises for what cannot be data."""
    if path.is_dir():
        raise InvalidInputError(f"{str(path)!r} is a folder: name one file, and load it by file")
    if not path.is_file():
        raise NotFoundError(f"there is no file {str(path)!r}: check the path")
    size = path.stat().st_size
    if size == 0:
        raise InvalidInputError(
            f"{path.name!r} is empty: export it again, with a header and at least one row"
        )
    with explained(path):
        kind = _format(path)
        layout = csv_layout(path) if kind == "csv" else None
        names = _columns(path, kind, layout)
    return DataFile(
        path=path,
        format=kind,
        columns=tuple(dict.fromkeys(names)),
        size_bytes=size,
        repeated=frozenset(name for name, count in Counter(names).items() if count > 1),
        layout=layout,
    )


def json_lines(file: DataFile) -> Iterator[tuple[list[bytes], int]]:
    """The raw lines of a JSONL file in chunks, each with the bytes read so far."""
    with explained(file.path):
        yield from lines_of_json(file.path)


def _columns(path: Path, kind: FileFormat, layout: CsvLayout | None) -> tuple[str, ...]:
    if layout is not None:
        return tuple(name for name in layout.names if name)
    return parquet_columns(path) if kind == "parquet" else json_columns(path)


def _format(path: Path) -> FileFormat:
    if first_bytes(path).startswith(PARQUET):
        return "parquet"
    suffix = inner_name(path).suffix.lower()
    with byte_stream(path) as (stream, _):
        start = read_up_to(stream, START_BYTES)
    _refuse_archive(path, start)
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    packed, found = is_packed(path), SUFFIXES.get(suffix)
    if packed and (found == "parquet" or start.startswith(PARQUET)):
        raise InvalidInputError(f"{path.name!r} is a packed Parquet file: unpack it first")
    if found == "csv" and start.startswith(OBJECTS):
        return "jsonl"
    if packed and found is None:
        return "jsonl" if start.startswith((b"{", b"[")) else "csv"
    if found is None:
        raise InvalidInputError(
            f"{path.name!r} is of no known kind: CSV, Parquet and JSON are read. If it is one of "
            "them, name it .csv, .csv.gz, .parquet or .jsonl; otherwise export it as one"
        )
    return found


def _refuse_archive(path: Path, start: bytes) -> None:
    if start.startswith(TAR, TAR_AT):
        raise InvalidInputError(
            f"{path.name!r} is a tar archive: unpack it, and load its files one by one"
        )
