"""CSV files as batches of text columns."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from neonblue.ingest.files.csv_guard import CsvGuard
from neonblue.ingest.files.csv_layout import CsvLayout, find_layout
from neonblue.ingest.files.file_batch import WHOLE_ROW, BadLine, FileBatch
from neonblue.ingest.files.packed import byte_stream, read_up_to

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

BLOCK_BYTES = 8 << 20


def csv_layout(path: Path) -> CsvLayout:
    """Where the rows of a file begin and what its columns are called."""
    with byte_stream(path) as (stream, _):
        return find_layout(stream, path.name)


def csv_batches(path: Path, layout: CsvLayout, columns: Sequence[str]) -> Iterator[FileBatch]:
    """The named columns as text, null where a cell is empty; broken lines come with a reason."""
    import pyarrow as pa

    reading = _Reading(layout, columns)
    with byte_stream(path) as (stream, position):
        read_up_to(stream, layout.data_at)
        guard = CsvGuard(stream, layout, path.name)
        row = 1
        try:
            for batch in reading.open(guard) if guard.has_rows() else ():
                odd = reading.take_odd()
                numbers, row = _numbers(row, batch.num_rows, odd)
                yield reading.batch(pa.Table.from_batches([batch]), numbers, odd, position())
        finally:
            guard.stop()
        if left := reading.take_odd():
            yield reading.batch(reading.empty(), [], left, position())


class _Odd:
    """A line with too many or too few columns: ``fields`` when only nameless ones are at fault."""

    def __init__(self, row: int, reason: str, text: str, fields: list[str] | None) -> None:
        self.row, self.reason, self.text, self.fields = row, reason, text, fields


class _Reading:
    """One pass over a file: which columns, and the lines that the parser could not take."""

    def __init__(self, layout: CsvLayout, columns: Sequence[str]) -> None:
        self._layout = layout
        place = {name: index for index, name in reversed(list(enumerate(layout.names)))}
        named = [index for index, name in enumerate(layout.names) if name]
        self._columns = [name for name in columns if name != WHOLE_ROW]
        self._places = [place[name] for name in self._columns]
        self._whole = named if WHOLE_ROW in columns else []
        self._read = list(dict.fromkeys([*self._places, *self._whole]))
        self._odd: list[_Odd] = []

    def open(self, guard: CsvGuard) -> Any:
        """The parser over the file's rows, its columns called by their places."""
        import pyarrow as pa
        import pyarrow.csv

        self._guard = guard
        return pyarrow.csv.open_csv(
            pa.PythonFile(guard, mode="r"),
            read_options=pyarrow.csv.ReadOptions(
                block_size=BLOCK_BYTES,
                use_threads=False,
                column_names=[str(index) for index in range(len(self._layout.names))],
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=self._layout.delimiter.decode(),
                newlines_in_values=True,
                invalid_row_handler=self._keep,
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=[str(place) for place in self._read],
                column_types={str(place): pa.string() for place in self._read},
                strings_can_be_null=True,
                null_values=[""],
            ),
        )

    def take_odd(self) -> list[_Odd]:
        """What was set aside since the last time."""
        taken, self._odd = self._odd, []
        return taken

    def empty(self) -> pa.Table:
        """No rows of the columns that are read."""
        import pyarrow as pa

        return pa.table({str(place): pa.array([], pa.string()) for place in self._read})

    def batch(
        self, table: pa.Table, numbers: list[int], odd: Sequence[_Odd], position: int
    ) -> FileBatch:
        """The rows that the parser took and those that could be mended, under their names."""
        import pyarrow as pa

        mended = [item for item in odd if item.fields is not None]
        if mended:
            table = pa.concat_tables([table, self._mended(mended)])
            numbers = [*numbers, *(item.row for item in mended)]
        arrays = [table[str(place)] for place in self._places]
        names = list(self._columns)
        if self._whole:
            whole = table.select([str(place) for place in self._whole])
            arrays.append(whole.to_struct_array())
            names.append(WHOLE_ROW)
        return FileBatch(
            table=pa.Table.from_arrays(arrays, names=names),
            rows=numbers,
            bad=tuple(
                BadLine(row=item.row, reason=item.reason, text=item.text)
                for item in odd
                if item.fields is None
            ),
            bytes_read=position,
        )

    def _mended(self, odd: Sequence[_Odd]) -> pa.Table:
        import pyarrow as pa

        def cell(item: _Odd, place: int) -> str | None:
            fields = item.fields or []
            return (fields[place] or None) if place < len(fields) else None

        return pa.table(
            {
                str(place): pa.array([cell(item, place) for item in odd], pa.string())
                for place in self._read
            }
        )

    def _keep(self, row: Any) -> str:
        number = row.number or 1
        if (refused := self._guard.refused.pop(row.text, None)) is not None:
            self._odd.append(_Odd(number, *refused, None))
            return "skip"
        expected = len(self._layout.names)
        fields = next(
            csv.reader([row.text], delimiter=self._layout.delimiter.decode(), strict=False), []
        )
        few = self._layout.required <= len(fields) < expected
        many = len(fields) > expected and not any(fields[expected:])
        reason = f"{row.actual_columns} columns instead of {expected}"
        mendable = (few or many) and "\n" not in row.text
        self._odd.append(_Odd(number, reason, row.text, fields if mendable else None))
        return "skip"


def _numbers(start: int, count: int, odd: Sequence[_Odd]) -> tuple[list[int], int]:
    """Numbers of ``count`` good rows from ``start`` on, stepping over the odd ones."""
    skipped = {line.row for line in odd}
    numbers: list[int] = []
    row = start
    while len(numbers) < count:
        span = range(row, row + count - len(numbers))
        numbers += [number for number in span if number not in skipped]
        row = span.stop
    return numbers, max([row, *(line.row + 1 for line in odd)])
