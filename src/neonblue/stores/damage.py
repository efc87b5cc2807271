"""Damaged parts of stored tables: found, and never passed over in silence.

When the engine starts it sets broken parts aside and answers from the rest, so counts would be
wrong and experiments would be missing without a word.
"""

from __future__ import annotations

from neonblue.errors import UnavailableError
from neonblue.stores.database import Database

SET_ASIDE = """
SELECT table, name, path FROM system.detached_parts
WHERE database = currentDatabase() AND startsWith(reason, 'broken')
ORDER BY table, name
"""
TABLES = """
SELECT name FROM system.tables
WHERE database = currentDatabase() AND endsWith(engine, 'MergeTree')
    AND total_bytes <= {most:UInt64}
ORDER BY name
"""
MOST_BYTES = 4 << 30
SHOWN = 3


def refuse_set_aside(database: Database) -> None:
    """Raise ``UnavailableError`` when the embedded engine started without damaged parts."""
    if not database.embedded:
        return
    parts = database.rows(SET_ASIDE)
    if not parts:
        return
    named = ", ".join(f"{table}/{name}" for table, name, _ in parts[:SHOWN])
    more = f" and {len(parts) - SHOWN} more" if len(parts) > SHOWN else ""
    raise UnavailableError(
        f"stored data in {database.name!r} is damaged: the engine set aside {named}{more}, so "
        "answers would be wrong. Put the folder back from a backup or load the data again into a "
        f"new one; to go on without what they held, remove {parts[0][2]!r} and the like"
    )


def damaged_parts(database: Database) -> tuple[str, ...]:
    """Parts whose files do not have the checksums they were written with, as ``table/part``.

    Reads every table of at most 4 GB whole.
    """
    found: list[str] = []
    for (table,) in database.rows(TABLES, {"most": MOST_BYTES}):
        found += [f"{table}/{part}" for part, passed, *_ in _checked(database, table) if not passed]
    return tuple(found)


def _checked(database: Database, table: str) -> list[tuple[str, bool]]:
    """Each part of a table and whether it is whole; a table without parts has one blank row."""
    sql = "CHECK TABLE {table:Identifier} SETTINGS check_query_single_value_result = 0"
    rows = (row for row in database.rows(sql, {"table": table}) if len(row) > 1)
    return [(str(row[0]), str(row[1]) not in ("0", "False")) for row in rows]
