"""Cells that hold nothing: empty ones, and the words that a load was told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from neonblue.ingest.files.columns.text import is_text

if TYPE_CHECKING:
    import pyarrow as pa


class NullWords:
    """Empty is null; other words (``NA``, ``None``) only where asked, as they may be values."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = tuple(words)

    def blank(self, table: pa.Table) -> pa.Table:
        """The table with null in the place of empty text and of the words, in every column.

        A word that is a number stands for that number in columns that are no text.
        """
        import pyarrow as pa

        columns = [
            pa.chunked_array([self._blank(chunk) for chunk in column.chunks], column.type)
            for column in table.columns
        ]
        return pa.Table.from_arrays(columns, schema=table.schema)

    def _blank(self, column: pa.Array) -> pa.Array:
        import pyarrow as pa
        import pyarrow.compute as pc

        if is_text(column.type):
            return self._blank_text(column)
        if not self._words or not (
            pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
        ):
            return column
        numbers = pc.cast(column, pa.float64(), safe=False)
        none = pc.is_in(numbers, pa.array(_numbers(self._words), pa.float64()))
        return pc.if_else(pc.fill_null(none, False), pa.scalar(None, column.type), column)

    def _blank_text(self, column: pa.Array) -> pa.Array:
        import pyarrow as pa
        import pyarrow.compute as pc

        if pa.types.is_dictionary(column.type):
            words = self._blank_text(column.dictionary)
            return pa.DictionaryArray.from_arrays(column.indices, words).cast(column.type)
        trimmed = pc.utf8_trim_whitespace(column)
        words = pa.array(["", *self._words], column.type)
        none = pc.is_in(trimmed, words)
        if not pc.any(none, min_count=0).as_py():
            return trimmed
        return pc.if_else(pc.fill_null(none, False), pa.scalar(None, column.type), trimmed)


def _numbers(words: Sequence[str]) -> list[float]:
    found: list[Any] = []
    for word in words:
        try:
            found.append(float(word))
        except ValueError:
            continue
    return found
