"""Events in ClickHouse: Arrow in, deduplicated by ``event_id`` on the way out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from neonblue.stores.database import Database

TABLE = "events"
FROM_ROWS = "file-row"
"""The source of what a file with one row a unit became: sums of a metric and not what units did."""
BEHAVIOUR = f"events.source != '{FROM_ROWS}'"
"""Of events that somebody did, for journeys, funnels and training."""


@cache
def event_schema() -> pa.Schema:
    """The Arrow columns of an insert: what the ``events`` table holds, but for ``ingested_at``.

    ``timestamp`` is UTC in milliseconds; ``value`` may be null; nothing else may.
    """
    import pyarrow as pa

    return pa.schema(
        [
            ("event_id", pa.string()),
            ("user_id", pa.string()),
            ("experiment_id", pa.string()),
            ("variant_id", pa.string()),
            ("event_type", pa.string()),
            ("timestamp", pa.timestamp("ms", "UTC")),
            ("value", pa.float64()),
            ("session_id", pa.string()),
            ("properties", pa.map_(pa.string(), pa.string())),
            ("source", pa.string()),
        ]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """One event as it was stored."""

    event_id: str
    user_id: str
    experiment_id: str
    variant_id: str
    event_type: str
    timestamp: datetime
    value: float | None
    session_id: str
    properties: dict[str, str]


class Events:
    """Exposures and what units did."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(self, rows: pa.Table, *, token: str | None = None) -> int:
        """Append rows of ``event_schema()``; returns their number once they are durable.

        An event that is there already (same experiment, unit and ``event_id``) replaces the
        earlier one: repeating an insert changes no number. ``token`` as in ``Database.insert``.
        """
        cast = rows.select(event_schema().names).cast(event_schema())
        self._database.insert(TABLE, cast, token=token)
        return int(rows.num_rows)

    def delete(self, keys: Sequence[tuple[str, str, str]]) -> None:
        """Remove events by (experiment, unit, event id); with unit '' by the event id alone."""
        if not keys:
            return
        self._database.command(
            """
            DELETE FROM events
            WHERE (experiment_id, user_id, event_id) IN {keys:Array(Tuple(String, String, String))}
               OR event_id IN {ids:Array(String)}
            """,
            {
                "keys": [tuple(key) for key in keys],
                "ids": [event_id for _, user_id, event_id in keys if not user_id],
            },
        )

    def delete_moved(self, keys: Sequence[tuple[str, str, str]]) -> None:
        """Remove every other row of these events: they have these (experiment, unit, event id)
        now, and had others before, which nobody knows."""
        if not keys:
            return
        left_behind = self._database.rows(
            """
            SELECT DISTINCT experiment_id, user_id, event_id FROM events
            WHERE event_id IN {ids:Array(String)}
              AND (experiment_id, user_id, event_id)
                  NOT IN {keys:Array(Tuple(String, String, String))}
            """,
            {
                "keys": [tuple(key) for key in keys],
                "ids": sorted({event_id for _, _, event_id in keys}),
            },
        )
        self.delete([(str(row[0]), str(row[1]), str(row[2])) for row in left_behind])

    def count(self, experiment_id: str | None = None) -> int:
        """How many distinct events there are, of one experiment or of all."""
        condition = "" if experiment_id is None else "WHERE experiment_id = {id:String}"
        row = self._database.row(
            f"SELECT count() FROM events FINAL {condition}", {"id": experiment_id or ""}
        )
        return int(row[0]) if row else 0

    def of_users(self, user_ids: Sequence[str], *, limit: int = 10_000) -> tuple[StoredEvent, ...]:
        """The latest events of some users over all experiments, oldest first."""
        rows = self._database.rows(
            """
            SELECT event_id, user_id, experiment_id, variant_id, event_type, timestamp, value,
                   session_id, properties
            FROM events FINAL
            WHERE user_id IN {users:Array(String)}
            ORDER BY timestamp DESC, event_id DESC
            LIMIT {limit:UInt32}
            """,
            {"users": list(user_ids), "limit": limit},
        )
        return tuple(_event(row) for row in reversed(rows))

    def compact(self) -> None:
        """Merge what was appended, so that reading need not deduplicate; numbers do not change."""
        self._database.command("OPTIMIZE TABLE events FINAL")


def _event(row: tuple) -> StoredEvent:  # type: ignore[type-arg]
    names = StoredEvent.__slots__
    return StoredEvent(**dict(zip(names, row, strict=True)))
