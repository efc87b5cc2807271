"""Removing a user from every table, on disk, for good."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neonblue.stores.database import Database

COLUMN = "user_id"


class Forgetting:
    """Deletes by ``user_id`` wherever a table has that column."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tables(self) -> tuple[str, ...]:
        """The tables that hold rows about users, found in the schema itself."""
        rows = self._database.rows(
            """
            SELECT table FROM system.columns
            INNER JOIN system.tables ON tables.database = columns.database
                AND tables.name = columns.table
            WHERE columns.database = currentDatabase() AND columns.name = {column:String}
              AND endsWith(engine, 'MergeTree')
            ORDER BY table
            """,
            {"column": COLUMN},
        )
        return tuple(str(row[0]) for row in rows)

    def count(self, user_id: str) -> dict[str, int]:
        """How many rows each table has of a user, duplicates counted."""
        return {table: count for table in self.tables() if (count := self._count(table, user_id))}

    def erase(self, user_id: str) -> dict[str, int]:
        """Delete a user's rows everywhere and return how many there were; waits for the disk."""
        found = self.count(user_id)
        for table in found:
            self._database.command(
                "ALTER TABLE {table:Identifier} DELETE WHERE user_id = {user:String} "
                "SETTINGS mutations_sync = 2",
                {"table": table, "user": user_id},
            )
        return {**found, **self._erase_dead_letters(user_id)}

    def _erase_dead_letters(self, user_id: str) -> dict[str, int]:
        """Messages that could not be read have no columns: those that quote the id go."""
        parameters = {"user": user_id, "quoted": json.dumps(user_id)}
        condition = "key = {user:String} OR position(payload, {quoted:String}) > 0"
        row = self._database.row(f"SELECT count() FROM dead_letters WHERE {condition}", parameters)
        if row is None or row[0] == 0:
            return {}
        self._database.command(
            f"ALTER TABLE dead_letters DELETE WHERE {condition} SETTINGS mutations_sync = 2",
            parameters,
        )
        return {"dead_letters": int(row[0])}

    def _count(self, table: str, user_id: str) -> int:
        row = self._database.row(
            "SELECT count() FROM {table:Identifier} WHERE user_id = {user:String}",
            {"table": table, "user": user_id},
        )
        return int(row[0]) if row else 0
