"""Files as batches of Arrow columns in bounded memory: CSV, CSV.gz, Parquet, JSONL.

A file that cannot be read as a whole raises ``InvalidInputError`` with what to do; a row that
cannot be read is handed on with its number, so that it is counted and not lost.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from neonblue.errors import InvalidInputError, NotFoundError
from neonblue.ingest.event import EARLIEST

if TYPE_CHECKING:
    import pyarrow as pa

FileFormat = Literal["csv", "parquet", "jsonl"]
BLOCK_BYTES = 8 << 20
PARQUET_ROWS = 100_000
MAX_HEADER_BYTES = 1 << 20
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
SUFFIXES: dict[str, FileFormat] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLine:
    """A line that could not be split into columns; ``row`` counts data rows from 1."""

    row: int
    reason: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBatch:
    """Some rows: columns as they came (text from CSV and JSONL), numbers of the rows from 1."""

    table: pa.Table
    rows: Sequence[int]
    bad: tuple[BadLine, ...]
    bytes_read: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """A file that was opened once: its format, columns and size on disk."""

    path: Path
    format: FileFormat
    columns: tuple[str, ...]
    delimiter: str
    size_bytes: int

    @property
    def written_at(self) -> datetime:
        """When the file was written, within what an event's time may be.

        Stands in for times that the file does not have: the same file gives the same times.
        Archives often carry none or odd ones.
        """
        seconds = int(self.path.stat().st_mtime)
        now = int(datetime.now(UTC).timestamp())
        return datetime.fromtimestamp(max(int(EARLIEST.timestamp()), min(seconds, now)), UTC)

    def batches(self, columns: Sequence[str]) -> Iterator[FileBatch]:
        """The named columns, in file order; raises when the file turns out to be broken."""
        self._require(columns)
        with _explained(self.path):
            if self.format == "parquet":
                yield from _parquet(self, columns)
            elif self.format == "jsonl":
                yield from _jsonl(self, columns)
            else:
                yield from _csv(self, columns)

    def _require(self, columns: Sequence[str]) -> None:
        missing = [column for column in columns if column not in self.columns]
        if missing:
            close = get_close_matches(missing[0], self.columns, n=1)
            hint = f"did you mean {close[0]!r}? It" if close else "it"
            raise InvalidInputError(
                f"{self.path.name!r} has no column {missing[0]!r}: "
                f"{hint} has {', '.join(map(repr, self.columns[:40]))}"
            )


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
    kind = _format(path)
    with _explained(path):
        columns, delimiter = _columns(path, kind)
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    if repeated:
        raise InvalidInputError(
            f"{path.name!r} has the column {repeated[0]!r} more than once: rename one of them"
        )
    return DataFile(
        path=path, format=kind, columns=tuple(columns), delimiter=delimiter, size_bytes=size
    )


def _format(path: Path) -> FileFormat:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    found = SUFFIXES.get(suffixes[-1]) if suffixes else None
    if found is None:
        raise InvalidInputError(
            f"{path.name!r} is of no known kind: name it .csv, .csv.gz, .parquet or .jsonl"
        )
    return found


def _columns(path: Path, kind: FileFormat) -> tuple[list[str], str]:
    if kind == "parquet":
        import pyarrow.parquet as pq

        with pq.ParquetFile(path) as parquet:
            return list(parquet.schema_arrow.names), ","
    if kind == "jsonl":
        return _json_columns(path), ","
    return _csv_columns(path)


def _csv_columns(path: Path) -> tuple[list[str], str]:
    with _stream(path) as (stream, _):
        start = stream.read(MAX_HEADER_BYTES)
    header = start.splitlines()[0].decode("utf-8-sig") if start.strip() else ""
    if not header.strip():
        raise InvalidInputError(f"{path.name!r} has no header: put column names in its first line")
    delimiter = max(",;\t|", key=header.count)
    return next(csv.reader(io.StringIO(header), delimiter=delimiter)), delimiter


def _json_columns(path: Path) -> list[str]:
    """The keys of the first thousand objects, in order of appearance."""
    import msgspec

    names: dict[str, None] = {}
    for number, line in enumerate(_lines(path)):
        if number >= 1000:
            break
        try:
            names |= dict.fromkeys(msgspec.json.decode(line, type=dict[str, Any]))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    if not names:
        raise InvalidInputError(
            f"{path.name!r} holds no JSON objects: write one object a line (JSON Lines)"
        )
    return list(names)


def _csv(file: DataFile, columns: Sequence[str]) -> Iterator[FileBatch]:
    import pyarrow as pa
    import pyarrow.csv

    bad: list[BadLine] = []

    def keep(row: Any) -> str:
        reason = f"{row.actual_columns} columns instead of {row.expected_columns}"
        bad.append(BadLine(row=(row.number or 2) - 1, reason=reason, text=row.text))
        return "skip"

    with _stream(file.path) as (stream, position):
        checked = Utf8Stream(stream)
        reader = pyarrow.csv.open_csv(
            pa.PythonFile(checked, mode="r"),
            read_options=pyarrow.csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=file.delimiter, newlines_in_values=True, invalid_row_handler=keep
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=list(columns),
                column_types={column: pa.string() for column in columns},
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
        row = 1
        for batch in reader:
            taken, bad[:] = tuple(bad), []
            numbers, row = _numbers(row, batch.num_rows, taken)
            yield FileBatch(
                table=pa.Table.from_batches([batch]),
                rows=numbers,
                bad=taken,
                bytes_read=position(),
            )
        checked.refuse_open_quote(file.path, row + len(bad))


def _numbers(start: int, count: int, bad: Sequence[BadLine]) -> tuple[list[int], int]:
    """Numbers of ``count`` good rows from ``start`` on, stepping over the bad ones."""
    skipped = {line.row for line in bad}
    numbers: list[int] = []
    row = start
    while len(numbers) < count:
        span = range(row, row + count - len(numbers))
        numbers += [number for number in span if number not in skipped]
        row = span.stop
    return numbers, max([row, *(line.row + 1 for line in bad)])


def _parquet(file: DataFile, columns: Sequence[str]) -> Iterator[FileBatch]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(file.path) as parquet:
        _refuse_nested(file, parquet.schema_arrow, columns)
        total = max(1, parquet.metadata.num_rows)
        row = 1
        for batch in parquet.iter_batches(batch_size=PARQUET_ROWS, columns=list(columns)):
            numbers = range(row, row + batch.num_rows)
            row = numbers.stop
            yield FileBatch(
                table=pa.Table.from_batches([batch]).select(list(columns)),
                rows=numbers,
                bad=(),
                bytes_read=round(file.size_bytes * (row - 1) / total),
            )


def _refuse_nested(file: DataFile, schema: pa.Schema, columns: Sequence[str]) -> None:
    import pyarrow as pa

    for name in columns:
        kind = schema.field(name).type
        if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_null(kind):
            raise InvalidInputError(
                f"column {name!r} of {file.path.name!r} holds {kind}: choose a column of text, "
                "numbers, truth values or times. Nothing was loaded"
            )


def _jsonl(file: DataFile, columns: Sequence[str]) -> Iterator[FileBatch]:
    row = 1
    for lines, position in _line_chunks(file.path):
        yield _json_batch(lines, columns, row, position)
        row += len(lines)


def _json_batch(
    lines: Sequence[bytes], columns: Sequence[str], start: int, position: int
) -> FileBatch:
    import msgspec
    import pyarrow as pa

    decode = msgspec.json.Decoder(dict[str, Any]).decode
    objects, numbers, bad = [], [], []
    for row, line in enumerate(lines, start):
        try:
            objects.append(decode(line))
            numbers.append(row)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            text = line.decode("utf-8", "replace")
            bad.append(BadLine(row=row, reason=f"no JSON object: {error}", text=text))
    arrays = [
        pa.array([_text(item.get(name)) for item in objects], pa.string()) for name in columns
    ]
    table = pa.Table.from_arrays(arrays, names=list(columns))
    return FileBatch(table=table, rows=numbers, bad=tuple(bad), bytes_read=position)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    import msgspec

    return msgspec.json.encode(value).decode()


def json_lines(file: DataFile) -> Iterator[tuple[list[bytes], int]]:
    """The raw lines of a JSONL file in chunks, each with the bytes read so far."""
    with _explained(file.path):
        yield from _line_chunks(file.path)


def _line_chunks(path: Path) -> Iterator[tuple[list[bytes], int]]:
    with _stream(path) as (stream, position):
        rest = b""
        while block := stream.read(BLOCK_BYTES):
            *lines, rest = (rest + block).split(b"\n")
            yield [line for line in lines if line.strip()], position()
        if rest.strip():
            yield [rest], position()


def _lines(path: Path) -> Iterator[bytes]:
    for chunk, _ in _line_chunks(path):
        yield from chunk


@contextmanager
def _stream(path: Path) -> Iterator[tuple[Any, Callable[[], int]]]:
    """The bytes of a file, decompressed when it ends in .gz, and how far it was read on disk."""
    import pyarrow as pa

    with pa.OSFile(str(path)) as raw:
        if path.suffix.lower() == ".gz":
            with pa.CompressedInputStream(raw, "gzip") as stream:
                yield stream, raw.tell
        else:
            yield raw, raw.tell


class Utf8Stream:
    """Passes bytes on and raises ``UnicodeDecodeError`` for what is not UTF-8.

    The CSV reader would look only at the columns that are asked for.
    """

    closed = False

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._quotes = 0
        self._lines = 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes, checked."""
        block: bytes = self._stream.read(size)
        self._decoder.decode(block, final=not block)
        self._quotes += block.count(b'"')
        self._lines += block.count(b"\n")
        return block

    def refuse_open_quote(self, path: Path, rows: int) -> None:
        """A quote that is never closed swallows the rest of the file without a word."""
        if self._quotes % 2 and rows < self._lines:
            raise InvalidInputError(
                f"{path.name!r} has a quote that is never closed, so the rows after it are lost: "
                "close or double it. Nothing was loaded"
            )

    def close(self) -> None:
        """The stream is closed by who opened it."""


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say in one line what is wrong with a file and what to do."""
    import pyarrow as pa

    try:
        yield
    except UnicodeDecodeError as error:
        raise _not_utf8(path) from error
    except (pa.ArrowException, OSError, EOFError) as error:
        text = str(error)
        if "UTF8" in text or "UTF-8" in text:
            raise _not_utf8(path) from error
        raise InvalidInputError(
            f"{path.name!r} cannot be read ({text.splitlines()[0][:200]}): it is cut off, damaged "
            "or not what its name says; export it again. Nothing was loaded"
        ) from error


def _not_utf8(path: Path) -> InvalidInputError:
    with path.open("rb") as file:
        encoding = "utf-16" if file.read(2) in UTF16_MARKS else "latin1"
    return InvalidInputError(
        f"{path.name!r} is not UTF-8: convert it, for example with "
        f"`iconv -f {encoding} -t utf-8`, and load the result. Nothing was loaded"
    )
