"""Parquet files as batches of columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from neonblue.errors import InvalidInputError
from neonblue.ingest.files.file_batch import WHOLE_ROW, FileBatch

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

PARQUET_ROWS = 100_000


def parquet_columns(path: Path) -> tuple[str, ...]:
    """The names of all columns, and ``a.b`` for the field b of a struct a."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as parquet:
        return tuple(name for field in parquet.schema_arrow for name in _names(field))


def parquet_batches(path: Path, columns: Sequence[str]) -> Iterator[FileBatch]:
    """The named columns with their types; raises for types that are no cells."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    size = path.stat().st_size
    with pq.ParquetFile(path) as parquet:
        schema = parquet.schema_arrow
        named = [column for column in columns if column != WHOLE_ROW]
        for column in named:
            _refuse_odd(path, column, _type_of(schema, column))
        read = [_root(schema, column) for column in named]
        if WHOLE_ROW in columns:
            read = [*read, *(name for name in schema.names if schema.names.count(name) == 1)]
        total = max(1, parquet.metadata.num_rows)
        row = 1
        for batch in parquet.iter_batches(batch_size=PARQUET_ROWS, columns=list(set(read))):
            numbers = range(row, row + batch.num_rows)
            row = numbers.stop
            table = pa.Table.from_batches([batch])
            arrays = [_column(table, schema, column) for column in named]
            if WHOLE_ROW in columns:
                arrays.append(table.select(sorted(set(table.column_names))).to_struct_array())
            yield FileBatch(
                table=pa.Table.from_arrays(arrays, names=list(columns)),
                rows=numbers,
                bad=(),
                bytes_read=round(size * (row - 1) / total),
            )


def _names(field: pa.Field) -> Iterator[str]:
    import pyarrow as pa

    yield field.name
    if pa.types.is_struct(field.type):
        for inner in field.type:
            for name in _names(inner):
                yield f"{field.name}.{name}"


def _root(schema: pa.Schema, column: str) -> str:
    """The column of the file that holds a name, which may itself have dots."""
    if column in schema.names:
        return column
    prefixes = [name for name in schema.names if column.startswith(f"{name}.")]
    return str(max(prefixes, key=len))


def _type_of(schema: pa.Schema, column: str) -> pa.DataType:
    root = _root(schema, column)
    kind = schema.field(root).type
    rest = column[len(root) + 1 :]
    while rest:
        field = next(f for f in kind if rest == f.name or rest.startswith(f"{f.name}."))
        kind, rest = field.type, rest[len(field.name) + 1 :]
    return kind


def _column(table: pa.Table, schema: pa.Schema, column: str) -> pa.ChunkedArray:
    import pyarrow.compute as pc

    root = _root(schema, column)
    found = table[root]
    rest = column[len(root) + 1 :]
    while rest:
        field = next(f for f in found.type if rest == f.name or rest.startswith(f"{f.name}."))
        found, rest = pc.struct_field(found, field.name), rest[len(field.name) + 1 :]
    return found


def _refuse_odd(path: Path, name: str, kind: pa.DataType) -> None:
    import pyarrow as pa

    types = pa.types
    if types.is_struct(kind):
        inner = kind[0].name if kind.num_fields else "FIELD"
        raise InvalidInputError(
            f"column {name!r} of {path.name!r} holds objects: name a value in them, as in "
            f"'{name}.{inner}'. Nothing was loaded"
        )
    plain = kind.value_type if types.is_dictionary(kind) else kind
    usable = (
        types.is_string(plain)
        or types.is_large_string(plain)
        or types.is_string_view(plain)
        or types.is_integer(plain)
        or types.is_floating(plain)
        or types.is_decimal(plain)
        or types.is_boolean(plain)
        or types.is_date(plain)
        or types.is_timestamp(plain)
    )
    if not usable:
        raise InvalidInputError(
            f"column {name!r} of {path.name!r} holds {kind}: choose a column of text, "
            "numbers, truth values, dates or times, or cast it when exporting. Nothing was loaded"
        )
