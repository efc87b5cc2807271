"""Rows of the platform's experiment, variant and metric tables, as change capture brought them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neonblue.stores.database import Database

COLUMNS = ("table_name", "row_id", "experiment_id", "content", "deleted", "position")


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionRow:
    """One row; ``position`` grows with every change of it. ``experiment_id`` is its owner's."""

    table_name: str
    row_id: str
    experiment_id: str
    content: Mapping[str, Any]
    deleted: bool
    position: int


class DefinitionRows:
    """The newest state of every row that was captured."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, rows: Sequence[DefinitionRow]) -> None:
        """Append states; of one row, the one with the highest position counts."""
        self._database.insert_rows(
            "definition_rows",
            COLUMNS,
            [
                [
                    row.table_name,
                    row.row_id,
                    row.experiment_id,
                    json.dumps(row.content),
                    int(row.deleted),
                    row.position,
                ]
                for row in rows
            ],
        )

    def find(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], DefinitionRow]:
        """Rows by (table, row id), those that are known."""
        wanted = [f"{table}\0{row_id}" for table, row_id in keys]
        rows = self._database.rows(
            """
            SELECT table_name, row_id, experiment_id, content, deleted, position
            FROM definition_rows FINAL
            WHERE concat(table_name, '\\0', row_id) IN {keys:Array(String)}
            """,
            {"keys": wanted},
        )
        return {(row[0], row[1]): _row(row) for row in rows}

    def of_experiments(self, experiment_ids: Sequence[str]) -> list[DefinitionRow]:
        """Every row of some experiments, deleted ones too."""
        rows = self._database.rows(
            """
            SELECT table_name, row_id, experiment_id, content, deleted, position
            FROM definition_rows FINAL WHERE experiment_id IN {ids:Array(String)}
            """,
            {"ids": list(experiment_ids)},
        )
        return [_row(row) for row in rows]


def _row(row: Sequence[Any]) -> DefinitionRow:
    return DefinitionRow(
        table_name=row[0],
        row_id=row[1],
        experiment_id=row[2],
        content=json.loads(row[3]),
        deleted=bool(row[4]),
        position=row[5],
    )
