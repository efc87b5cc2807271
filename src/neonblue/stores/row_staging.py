"""Staging for files with one row a unit: rows first, events from them, all in the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from neonblue.stores.database import identifier
from neonblue.stores.events import FROM_ROWS

if TYPE_CHECKING:
    import pyarrow as pa

    from neonblue.stores.database import Database

FIRST_ROW_WINS = 2**63 - 1


@cache
def row_schema() -> pa.Schema:
    """One row a unit: ``row`` counts from 1 in the file, ``values`` has one entry a column."""
    import pyarrow as pa

    return pa.schema(
        [
            ("user_id", pa.string()),
            ("variant_id", pa.string()),
            ("priority", pa.uint64()),
            ("timestamp", pa.timestamp("ms", "UTC")),
            ("properties", pa.map_(pa.string(), pa.string())),
            ("values", pa.list_(pa.float64())),
        ]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnRange:
    """What the values of one metric column are like, over the rows that count."""

    column: str
    minimum: float
    maximum: float
    only_zero_and_one: bool


class RowStaging:
    """Rows of one load. Of several rows with the same unit and variant the first counts."""

    def __init__(self, database: Database, table: str) -> None:
        self._database = database
        self.table = identifier(f"{table}_rows")
        database.command(
            f"""
            CREATE TABLE {self.table} (
                user_id String,
                variant_id LowCardinality(String),
                priority UInt64,
                timestamp DateTime64(3, 'UTC'),
                properties Map(LowCardinality(String), String),
                values Array(Float64)
            )
            ENGINE = ReplacingMergeTree(priority) ORDER BY (user_id, variant_id)
            """
        )

    def insert(self, rows: pa.Table) -> None:
        """Append rows of ``row_schema()``; priority is ``FIRST_ROW_WINS`` less the row number."""
        self._database.insert(self.table, rows.cast(row_schema()))

    def compact(self) -> None:
        """Keep the first row of each unit and variant, in one part: reading is cheap after it."""
        self._database.command(f"OPTIMIZE TABLE {self.table} FINAL")

    def count(self) -> int:
        """Rows that count: the first of each unit and variant."""
        row = self._database.row(f"SELECT count() FROM {self.table} FINAL")
        return int(row[0]) if row else 0

    def ranges(self, columns: Sequence[str]) -> tuple[ColumnRange, ...]:
        """What the values of each column are like."""
        rows = self._database.rows(
            f"""
            SELECT index, min(value), max(value), countIf(value NOT IN (0, 1)) = 0
            FROM {self.table} FINAL ARRAY JOIN values AS value, arrayEnumerate(values) AS index
            GROUP BY index ORDER BY index
            """
        )
        return tuple(
            ColumnRange(
                column=columns[index - 1],
                minimum=minimum,
                maximum=maximum,
                only_zero_and_one=bool(flags),
            )
            for index, minimum, maximum, flags in rows
        )

    def to_events(self, target: str, experiment_id: str, event_types: Sequence[str]) -> None:
        """Write an exposure a row, and an event a nonzero value, into a staging table.

        Ids are hashes of what an event is about, so that the same file gives the same events.
        """
        for statement in (EXPOSURES, VALUES):
            self._database.command(
                statement.format(target=identifier(target), rows=self.table, source=FROM_ROWS),
                {"experiment": experiment_id, "event_types": list(event_types)},
            )

    def drop(self) -> None:
        """Remove the rows."""
        self._database.command(f"DROP TABLE IF EXISTS {self.table} SYNC")


COLUMNS = """
INSERT INTO {target} (event_id, user_id, experiment_id, variant_id, event_type, timestamp, value,
                      session_id, properties, source)
"""
EXPOSURES = (
    COLUMNS
    + """
SELECT lower(hex(sipHash128({{experiment:String}}, user_id, variant_id, 'exposure'))),
       user_id, {{experiment:String}}, variant_id, 'exposure', timestamp, NULL, '', properties,
       '{source}'
FROM {rows} FINAL
"""
)
VALUES = (
    COLUMNS
    + """
SELECT lower(hex(sipHash128({{experiment:String}}, user_id, variant_id, 'value', kind))),
       user_id, {{experiment:String}}, variant_id, kind, timestamp, amount, '', map(), '{source}'
FROM {rows} FINAL
ARRAY JOIN values AS amount, {{event_types:Array(String)}} AS kind
WHERE amount != 0
"""
)
