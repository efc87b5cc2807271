"""The properties of events in files whose columns are mapped: the object that the contract has.

JSON Lines have it as an object, CSV as JSON text. Columns that the load names as segments and
covariates are added, and win over properties of their name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from neonblue.ingest.files.column_batch import ColumnBatch, interleave
from neonblue.ingest.files.file_batch import WHOLE_ROW
from neonblue.ingest.messages.decode import property_maps

if TYPE_CHECKING:
    import pyarrow as pa

    from neonblue.ingest.files.data_file import DataFile
    from neonblue.ingest.files.load_plan import LoadPlan

COLUMN = "properties"


class EventProperties:
    """Reads what each row has in ``properties``."""

    def __init__(self, plan: LoadPlan, file: DataFile) -> None:
        present = COLUMN in file.columns
        self._in_row = present and file.format == "jsonl"
        self._as_text = present and file.format == "csv"
        self._null_words = frozenset(plan.null_words)

    @property
    def columns(self) -> list[str]:
        """The columns to read for it."""
        return [COLUMN] if self._as_text else []

    def read(self, batch: ColumnBatch, named: Mapping[str, pa.Array]) -> pa.Array:
        """A map column of the row's own properties and the ``named`` columns."""
        if not (self._in_row or self._as_text):
            return interleave(named, batch.size)
        source = batch.column(WHOLE_ROW) if self._in_row else batch.text(COLUMN)
        own = [self._own(text) for text in source.to_pylist()]
        columns = {name: array.to_pylist() for name, array in named.items()}
        for row, properties in enumerate(own):
            properties.update({name: cells[row] for name, cells in columns.items()})
        return property_maps(own)

    def _own(self, text: str | None) -> dict[str, Any]:
        value = _decoded(text)
        if self._in_row and isinstance(value, dict):
            value = value.get(COLUMN)
        value = _decoded(value) if isinstance(value, str) else value
        return self._known(value) if isinstance(value, dict) else {}

    def _known(self, properties: dict[str, Any]) -> dict[str, Any]:
        return {
            name: value
            for name, value in properties.items()
            if not (isinstance(value, str) and value.strip() in self._null_words)
        }


def _decoded(text: str | None) -> Any:
    try:
        return msgspec.json.decode(text or "{}")
    except msgspec.DecodeError:
        return None
