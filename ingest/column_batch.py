"""Columns of some rows of a file, and what was found wrong with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from neonblue.ingest.columns import to_text
from neonblue.ingest.event import Reason
from neonblue.ingest.validate import Finding

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(slots=True, kw_only=True)
class ColumnBatch:
    """Some rows of a table; ``numbers`` are their places in the file, from 1.

    ``findings`` keeps the first thing that is wrong with a row.
    """

    table: pa.Table
    numbers: Sequence[int]
    findings: dict[int, Finding] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many rows."""
        return int(self.table.num_rows)

    def column(self, name: str) -> pa.Array:
        """One column in one piece."""
        import pyarrow as pa

        column = self.table[name]
        return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)

    def text(self, name: str) -> pa.Array:
        """Text, null where there is none."""
        return to_text(self.column(name))

    def required_text(self, name: str) -> pa.Array:
        """Text that has to be there; rows without it are marked."""
        import pyarrow.compute as pc

        text = self.text(name)
        empty = pc.or_kleene(pc.is_null(text), pc.equal(text, ""))
        self.mark(pc.fill_null(empty, True), "empty_field", f"{name} is empty")
        return pc.fill_null(text, "")

    def mark(self, mask: pa.Array, reason: Reason, detail: str) -> None:
        """Note a reason against the rows where the mask is true, unless they have one."""
        import numpy as np

        for row in np.nonzero(mask.to_numpy(zero_copy_only=False))[0]:
            finding = Finding(row=int(row), reason=reason, detail=detail)
            self.findings.setdefault(finding.row, finding)

    def add(self, findings: Sequence[Finding]) -> None:
        """Note findings of others against rows that have none."""
        for finding in findings:
            self.findings.setdefault(finding.row, finding)

    def good(self, rows: pa.Table) -> pa.Table:
        """The rows of a parallel table that nothing was found against."""
        import numpy as np
        import pyarrow as pa

        good = np.ones(self.size, dtype=bool)
        good[list(self.findings)] = False
        return rows.filter(pa.array(good))

    def found(self) -> list[Finding]:
        """The findings in row order."""
        return [self.findings[row] for row in sorted(self.findings)]


def interleave(columns: Mapping[str, pa.Array], size: int) -> pa.Array:
    """A map column from text columns: row i maps each name to its value there; null is left out."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    names, arrays = list(columns), list(columns.values())
    if not names:
        empty = pa.array([], pa.string())
        return pa.MapArray.from_arrays(pa.array(np.zeros(size + 1, np.int32)), empty, empty)
    order = np.arange(size * len(names)).reshape(len(names), size).T.ravel()
    values = pa.concat_arrays(arrays).take(pa.array(order))
    keys = pa.array(names, pa.string()).take(pa.array(np.tile(np.arange(len(names)), size)))
    present = pc.is_valid(values).to_numpy(zero_copy_only=False).reshape(size, len(names))
    offsets = np.concatenate([[0], np.cumsum(present.sum(axis=1))]).astype(np.int32)
    mask = pc.is_valid(values)
    return pa.MapArray.from_arrays(pa.array(offsets), keys.filter(mask), values.filter(mask))
