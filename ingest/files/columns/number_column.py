"""One rule to read a column of numbers, applied to all of its cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neonblue.ingest.files.columns.number_shape import GROUPING, Decimal, NumberShape, number_shape
from neonblue.ingest.files.columns.shapes import ONE, ZERO, shapes_of
from neonblue.ingest.files.columns.text import decoded, is_text

if TYPE_CHECKING:
    import pyarrow as pa

PERCENT = 0.01


class NumberRule:
    """Reads the cells of one column. ``percent`` says that they are shares written as per cent.

    A column of ``words`` for yes and no has no numbers but 0 and 1.
    """

    def __init__(
        self,
        decimal: Decimal = ".",
        *,
        words: Mapping[str, float] | None = None,
        percent: bool = False,
    ) -> None:
        self.decimal: Decimal = decimal
        self.percent = percent
        self._words = dict(words or {})
        self._known: dict[str, NumberShape | None] = {}

    def read(self, column: pa.Array) -> tuple[pa.Array, pa.Array]:
        """Float64 values, and which entries are no number at all; truth values are 1 and 0."""
        import pyarrow as pa
        import pyarrow.compute as pc

        column = decoded(column)
        if not is_text(column.type):
            return _typed(column)
        if (
            self.decimal == "."
            and not self._words
            and (values := plain_numbers(column)) is not None
        ):
            return values, _none(column)
        return self._read_text(pc.cast(column, pa.string()))

    def _read_text(self, column: pa.Array) -> tuple[pa.Array, pa.Array]:
        """Each distinct text once, those of one kind together."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        encoded = column.dictionary_encode()
        texts = encoded.dictionary
        values = np.full(len(texts), np.nan)
        kinds: dict[tuple[int, int, bool, bool], list[int]] = {}
        for place, (shape, text) in enumerate(
            zip(shapes_of(texts).to_pylist(), texts.to_pylist(), strict=True)
        ):
            if (word := self._words.get(text)) is not None:
                values[place] = word
            elif (found := self._shape(shape)) is not None and found.zero:
                values[place] = 0.0
            elif found is not None:
                kind = (found.before, found.after, found.negative, found.percent)
                kinds.setdefault(kind, []).append(place)
        for (before, after, negative, percent), places in kinds.items():
            numbers = self._digits(texts.take(pa.array(places)), before, after)
            numbers = numbers * (-1.0 if negative else 1.0) * (PERCENT if percent else 1.0)
            values[places] = numbers
        read = pa.array(values, pa.float64(), from_pandas=True).take(encoded.indices)
        bad = pc.and_(pc.is_null(read), pc.is_valid(column))
        return read, bad

    def _digits(self, texts: pa.Array, before: int, after: int) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        digits = pc.utf8_slice_codeunits(texts, before, None if after == 0 else -after)
        for sign in GROUPING:
            if sign != self.decimal:
                digits = pc.replace_substring(digits, sign, "")
        if self.decimal != ".":
            digits = pc.replace_substring(digits, self.decimal, ".")
        return pc.cast(digits, pa.float64()).to_numpy(zero_copy_only=False)

    def knows(self, shape: str) -> bool:
        """Whether cells of a shape are read."""
        return shape in self._words or self._shape(shape) is not None

    def _shape(self, shape: str) -> NumberShape | None:
        if self._words and shape not in (ZERO, ONE):
            return None
        if shape not in self._known:
            self._known[shape] = number_shape(shape, self.decimal)
        return self._known[shape]


def plain_numbers(column: pa.Array) -> pa.Array | None:
    """Text as float64 when all of it is plain numbers (``-12.5``, ``1e3``), else None."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        values = pc.cast(column, pa.float64())
    except pa.ArrowInvalid:
        return None
    # "inf" and "nan" are words.
    return values if pc.all(pc.is_finite(values), min_count=0).as_py() else None


def _typed(column: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Numbers, decimals and truth values as float64."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_boolean(column.type):
        column = pc.cast(column, pa.int8())
    return pc.cast(column, pa.float64(), safe=False), _none(column)


def _none(column: pa.Array) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    return pa.array(np.zeros(len(column), dtype=bool))
