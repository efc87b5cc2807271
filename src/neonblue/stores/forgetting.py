"""Removing a user from every table, on disk, for good."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from neonblue.errors import UnavailableError

if TYPE_CHECKING:
    from neonblue.stores.database import Database

COLUMN = "user_id"
# Tables whose rows may name a user without such a column.
ALSO = ("dead_letters", "documents")
FOUND_INSIDE_FROM = 6
POLL_SECONDS = 0.5


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
        """Delete a user's rows everywhere and return how many there were; waits for the disk.

        Looks again afterwards, and raises ``UnavailableError`` when anything is left: nobody is
        told that a user is forgotten who is not.
        """
        found = self.count(user_id)
        (hashed,) = hashes(self._database, [user_id])
        for table in found:
            with self._unless_dropped(table):
                self._database.command(
                    "ALTER TABLE {table:Identifier} DELETE "
                    "WHERE hex(sipHash128(user_id)) = {hashed:String} SETTINGS mutations_sync = 2",
                    {"table": table, "hashed": hashed},
                )
        self._erase_from_sketches(user_id)
        erased = {**found, **self._erase_dead_letters(user_id)}
        self._refuse_remains(user_id)
        return erased

    def remains(self, user_id: str) -> dict[str, int]:
        """Rows that still name the user, by table, whatever kind of table it is."""
        found = {name: self._count(name, user_id) for name in self._with_users()}
        found["dead_letters"] = len(self._dead_letters(user_id))
        ((found["unit_sketches"],),) = self._database.rows(
            "SELECT count() FROM unit_sketches WHERE unit_hash = sipHash64({user:String})",
            {"user": user_id},
        )
        return {name: count for name, count in found.items() if count}

    def _refuse_remains(self, user_id: str) -> None:
        left = self.remains(user_id)
        if left:
            named = ", ".join(f"{count} in {table}" for table, count in sorted(left.items()))
            raise UnavailableError(
                f"the user is not forgotten: rows are left ({named}). Events of the user are not "
                "taken any more; remove those rows or that table, then run `neonblue forget` again"
            )

    def _with_users(self) -> tuple[str, ...]:
        """Every table and view here that has the column, also those that are not ours."""
        rows = self._database.rows(
            "SELECT DISTINCT table FROM system.columns "
            "WHERE database = currentDatabase() AND name = {column:String} ORDER BY table",
            {"column": COLUMN},
        )
        return tuple(str(row[0]) for row in rows)

    def mentions(self, user_id: str) -> dict[str, int]:
        """How many events of others hold the id in a property, by the property's name.

        They are somebody else's data and stay. An id of six signs or more is also found inside of
        longer values; a shorter one would be found everywhere.
        """
        rows = self._database.rows(
            """
            SELECT name, count() FROM (
                SELECT arrayJoin(mapKeys(mapFilter(
                    (key, value) -> value = {user:String}
                        OR (length({user:String}) >= {least:UInt8}
                            AND position(value, {user:String}) > 0),
                    properties))) AS name
                FROM events FINAL WHERE user_id != {user:String}
            ) GROUP BY name ORDER BY count() DESC, name
            """,
            {"user": user_id, "least": FOUND_INSIDE_FROM},
        )
        return {str(name): int(count) for name, count in rows}

    def purge(self, *, within_seconds: float) -> bool:
        """Have ClickHouse remove the files that its deletions replaced; whether it did in time.

        It keeps them for eight minutes of running and tidies up when it thinks fit, often within
        half a minute. When that is too late, they go when those minutes are over.
        """
        tables = (*self.tables(), *ALSO)
        self._set(tables, "MODIFY SETTING old_parts_lifetime = 0")
        try:
            return self._replaced_parts_gone(tables, time.monotonic() + within_seconds)
        finally:
            self._set(tables, "RESET SETTING old_parts_lifetime")

    def _replaced_parts_gone(self, tables: Sequence[str], until: float) -> bool:
        while self._replaced_parts(tables):
            if time.monotonic() >= until:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def _set(self, tables: Sequence[str], change: str) -> None:
        for table in tables:
            with self._unless_dropped(table):
                self._database.command(
                    f"ALTER TABLE {{table:Identifier}} {change}", {"table": table}
                )

    def _replaced_parts(self, tables: Sequence[str]) -> int:
        row = self._database.row(
            f"SELECT count() FROM {self._database.layout.everywhere('parts')} WHERE NOT active "
            "AND database = currentDatabase() AND table IN {tables:Array(String)}",
            {"tables": list(tables)},
        )
        return int(row[0]) if row else 0

    def _erase_from_sketches(self, user_id: str) -> None:
        """Sketches of units hold hashes of ids: those of a user go as well."""
        row = self._database.row(
            "SELECT sipHash64({user:String}) AS hashed, hashed IN (SELECT unit_hash "
            "FROM unit_sketches)",
            {"user": user_id},
        )
        if row is not None and row[1]:
            self._database.command(
                "ALTER TABLE unit_sketches DELETE WHERE unit_hash = {hashed:UInt64} "
                "SETTINGS mutations_sync = 2",
                {"hashed": row[0]},
            )

    def _erase_dead_letters(self, user_id: str) -> dict[str, int]:
        """Messages that could not be read have no columns: those that quote the id go."""
        letters = self._dead_letters(user_id)
        if not letters:
            return {}
        self._database.command(
            "ALTER TABLE dead_letters DELETE WHERE letter_id IN {ids:Array(String)} "
            "SETTINGS mutations_sync = 2",
            {"ids": letters},
        )
        return {"dead_letters": len(letters)}

    def _dead_letters(self, user_id: str) -> list[str]:
        rows = self._database.rows(
            "SELECT DISTINCT letter_id FROM dead_letters "
            "WHERE key = {user:String} OR position(payload, {quoted:String}) > 0",
            {"user": user_id, "quoted": json.dumps(user_id)},
        )
        return [str(row[0]) for row in rows]

    def _count(self, table: str, user_id: str) -> int:
        row = None
        with self._unless_dropped(table):
            row = self._database.row(
                "SELECT count() FROM {table:Identifier} WHERE user_id = {user:String}",
                {"table": table, "user": user_id},
            )
        return int(row[0]) if row else 0

    @contextmanager
    def _unless_dropped(self, table: str) -> Iterator[None]:
        """Go on when the table is gone: a load stages rows in tables of its own, and drops them."""
        from clickhouse_connect.driver.exceptions import DatabaseError

        try:
            yield
        except DatabaseError:
            if self._database.has_table(table):
                raise


def hashes(database: Database, values: Sequence[str]) -> list[str]:
    """What deletions name instead of ids: ClickHouse keeps their text in a file."""
    row = database.row(
        "SELECT arrayMap(one -> hex(sipHash128(one)), {values:Array(String)})",
        {"values": list(values)},
    )
    return [str(one) for one in row[0]] if row else []
