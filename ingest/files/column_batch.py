"""Columns of some rows of a file, and what was found wrong with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from shlex import quote
from typing import TYPE_CHECKING

from neonblue.ingest.files.columns.text import to_text
from neonblue.ingest.messages.event import Reason
from neonblue.ingest.messages.validate import Finding

MAX_SHOWN = 200
MAX_WORD = 40

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

    def mark(
        self, mask: pa.Array, reason: Reason, detail: str, *, shown: str | None = None
    ) -> None:
        """Note a reason against the rows where the mask is true, unless they have one.

        ``shown`` names a column whose value stands in the detail in the place of ``{}``, and as
        the option that takes it for no value in the place of ``{null}``.
        """
        import numpy as np

        for row in np.nonzero(mask.to_numpy(zero_copy_only=False))[0].tolist():
            if row in self.findings:
                continue
            said = detail if shown is None else self._said(detail, shown, row)
            self.findings[row] = Finding(row=row, reason=reason, detail=said)

    def shown(self, name: str, row: int) -> str:
        """One cell as it may stand in a message."""
        return shown_cell(self.table[name][row])[:MAX_SHOWN]

    def _said(self, detail: str, name: str, row: int) -> str:
        if "{null}" in detail:
            detail = detail.replace("{null}", null_option(shown_text(self.table[name][row])))
        return detail.replace("{}", self.shown(name, row))

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


def null_option(word: str) -> str:
    """The option by which a word means that there is no value, as a shell takes it."""
    if not word or len(word) > MAX_WORD:
        return "--null WORD"
    return f"--null{'=' if word.startswith('-') else ' '}{quote(word)}"


def shown_cell(cell: pa.Scalar) -> str:
    """A cell as Python writes it; a time that Python cannot hold as the number that it is."""
    try:
        return repr(cell.as_py())
    except (ValueError, OverflowError):
        return str(cell.value)


def shown_text(cell: pa.Scalar) -> str:
    """A cell's text as a name, '' where there is none."""
    return str(cell.as_py()).strip() if cell.is_valid else ""


def shown_row(table: pa.Table, row: int) -> str:
    """One row as it is written among the rejected."""
    cells = (f"{name!r}: {shown_cell(table[name][row])}" for name in table.column_names)
    return f"{{{', '.join(cells)}}}"


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
