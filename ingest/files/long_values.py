"""The values of a file with one row a unit and metric: a column for each metric that is asked for.

Each is read by a rule of its own, as if the file had one row a unit: what other metrics are written
like (words, per cents, another sign before decimals) says nothing about this one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from neonblue.ingest.files.columns.text import to_text

if TYPE_CHECKING:
    import pyarrow as pa

    from neonblue.ingest.files.load_plan import LongSpec


class LongValues:
    """Adds to tables of a long file a column of values for each of the ``metrics``."""

    def __init__(self, spec: LongSpec, metrics: Sequence[str]) -> None:
        self._spec = spec
        self._metrics = tuple(metrics)

    @staticmethod
    def key(metric: str) -> str:
        """What the column of a metric is called; no column of a file has such a name."""
        return f"\0{metric}"

    @property
    def keys(self) -> list[str]:
        """The columns that are added."""
        return [self.key(name) for name in self._metrics]

    @property
    def called(self) -> Mapping[str, str]:
        """How messages call them."""
        column = self._spec.value_column
        return {self.key(name): f"{column!r} (of {name!r})" for name in self._metrics}

    @property
    def sources(self) -> list[str]:
        """The columns of the file that they are made of."""
        return [self._spec.name_column, self._spec.value_column]

    def names(self, table: pa.Table) -> pa.ChunkedArray:
        """Which metric each row is of, as text."""
        import pyarrow as pa

        chunks = [to_text(chunk) for chunk in table[self._spec.name_column].chunks]
        return pa.chunked_array(chunks, pa.string())

    def added(self, table: pa.Table) -> pa.Table:
        """The table with the columns; null where a row is of another metric."""
        import pyarrow as pa
        import pyarrow.compute as pc

        values = table[self._spec.value_column]
        if pa.types.is_dictionary(values.type):
            values = values.cast(values.type.value_type)
        names, none = self.names(table), pa.scalar(None, values.type)
        for metric in self._metrics:
            own = pc.fill_null(pc.equal(names, metric), False)
            table = table.append_column(self.key(metric), pc.if_else(own, values, none))
        return table
