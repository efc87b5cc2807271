"""Cells as text, whatever type a file keeps them in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

# Up to here every whole number has a float of its own, by the bits of a float.
MAX_EXACT = {16: 2.0**11, 32: 2.0**24, 64: 2.0**53}


def to_text(column: pa.Array) -> pa.Array:
    """Text without surrounding white space; null stays null.

    Whole doubles (an integer column that had a gap) are written as integers.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    column = decoded(column)
    if pa.types.is_floating(column.type) and _whole(column):
        column = pc.cast(column, pa.int64())
    return pc.utf8_trim_whitespace(pc.cast(column, pa.string()))


def decoded(column: pa.Array) -> pa.Array:
    """A dictionary column as the values that it stands for."""
    import pyarrow as pa

    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def is_text(kind: pa.DataType) -> bool:
    """Whether a column holds text, so that its cells need a rule to become numbers or times."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _whole(column: pa.Array) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    limit = MAX_EXACT[column.type.bit_width]
    numbers = pc.cast(column, pa.float64())
    exact = pc.and_(pc.equal(pc.floor(numbers), numbers), pc.less(pc.abs(numbers), limit))
    return bool(pc.all(pc.fill_null(exact, True), min_count=0).as_py())
