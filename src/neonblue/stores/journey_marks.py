"""Which journeys have changed since they were indexed, and which are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from neonblue.stores.events import BEHAVIOUR
from neonblue.stores.forgetting import hashes

if TYPE_CHECKING:
    import pyarrow as pa

    from neonblue.stores.database import Database

NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedJourney:
    """A unit whose newest events are not indexed yet; ``touched_at`` is when they were stored."""

    user_id: str
    touched_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyBacklog:
    """How many journeys wait, since when the oldest of them does (None when none), and how many
    are indexed in their newest state."""

    waiting: int
    oldest_at: datetime | None
    indexed: int


class JourneyMarks:
    """Marks are only ever added; the newest of each kind counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def touch(self, user_ids: pa.Array) -> datetime:
        """Say that units have new events that are durable now; returns the time of the mark."""
        now = datetime.now(UTC)
        self._mark(user_ids, touched=now)
        return now

    def touch_all(self) -> int:
        """Say so of every unit that has events and was never marked; returns how many wait."""
        self._database.command(
            f"""
            INSERT INTO journey_marks (user_id, touched_at)
            SELECT user_id, now64(6) FROM events
            WHERE {BEHAVIOUR}
              AND user_id NOT IN (SELECT user_id FROM journey_marks WHERE touched_at > 0)
            GROUP BY user_id
            """
        )
        return self.backlog().waiting

    def indexed(self, journeys: Sequence[ChangedJourney]) -> None:
        """Say that journeys are searchable in the state that ``touched_at`` names."""
        import pyarrow as pa

        stamp = pa.timestamp("us", "UTC")
        never = pa.array([NEVER] * len(journeys), stamp)
        self._insert(
            pa.array([each.user_id for each in journeys], pa.string()),
            never,
            pa.array([each.touched_at for each in journeys], stamp),
            0,
        )

    def asked(self, user_ids: Sequence[str]) -> None:
        """Say that somebody wanted to see these journeys: they go first from now on."""
        import pyarrow as pa

        stamp = pa.timestamp("us", "UTC")
        never = pa.array([NEVER] * len(user_ids), stamp)
        self._insert(pa.array(user_ids, pa.string()), never, never, 1)

    def waiting(self, limit: int) -> list[ChangedJourney]:
        """Changed journeys: those asked for most first, then the newest."""
        rows = self._database.rows(
            """
            SELECT user_id, max(touched_at) AS touched FROM journey_marks
            GROUP BY user_id HAVING touched > max(indexed_at)
            ORDER BY sum(asked) DESC, touched DESC LIMIT {limit:UInt32}
            """,
            {"limit": limit},
        )
        return [ChangedJourney(user_id=user_id, touched_at=touched) for user_id, touched in rows]

    def backlog(self) -> JourneyBacklog:
        """How far the index is behind."""
        row = self._database.row(
            """
            SELECT countIf(touched > indexed), minIf(touched, touched > indexed),
                   countIf(touched > 0 AND touched <= indexed)
            FROM (
                SELECT max(touched_at) AS touched, max(indexed_at) AS indexed
                FROM journey_marks GROUP BY user_id
            )
            """
        )
        if row is None:
            return JourneyBacklog(waiting=0, oldest_at=None, indexed=0)
        waiting = int(row[0])
        return JourneyBacklog(
            waiting=waiting, oldest_at=row[1] if waiting else None, indexed=int(row[2])
        )

    def erase(self, user_ids: Sequence[str]) -> None:
        """Forget units for good."""
        self._database.command(
            """
            ALTER TABLE journey_marks DELETE
            WHERE hex(sipHash128(user_id)) IN {hashes:Array(String)}
            SETTINGS mutations_sync = 2
            """,
            {"hashes": hashes(self._database, user_ids)},
        )

    def _mark(self, user_ids: pa.Array, *, touched: datetime) -> None:
        import pyarrow as pa

        stamp = pa.timestamp("us", "UTC")
        count = len(user_ids)
        now, never = (pa.repeat(pa.scalar(each, stamp), count) for each in (touched, NEVER))
        self._insert(user_ids, now, never, 0)

    def _insert(self, users: pa.Array, touched: pa.Array, indexed: pa.Array, asked: int) -> None:
        import pyarrow as pa

        columns = {
            "user_id": users,
            "touched_at": touched,
            "indexed_at": indexed,
            "asked": pa.repeat(pa.scalar(asked, pa.uint64()), len(users)),
        }
        self._database.insert("journey_marks", pa.table(columns))
