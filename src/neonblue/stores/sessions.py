"""Users' events cut into sessions by ClickHouse, and the sessions that were kept.

A session ends with a pause of more than ``gap_seconds``. Events are ordered by their own clock, so
one that arrives late or runs backwards takes its place and makes no negative pause.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from neonblue.models.reader import current_reader
from neonblue.stores.events import BEHAVIOUR
from neonblue.stores.session_vectors import SessionVectors, session_vectors

if TYPE_CHECKING:
    import pyarrow as pa

    from neonblue.stores.database import Database

GAP_SECONDS = 1800
TABLE = "behavior_sessions"
MOST_VECTORS = 50_000
FRESH_SECONDS = 600.0

# The events of one user as sorted tuples, split where the pause is longer than the gap.
CUT = """
SELECT user_id,
       arrayMap(e -> e.1, session) AS times_ms,
       arrayMap(e -> e.2, session) AS types,
       arrayMap(e -> e.3, session) AS values,
       arrayFirst(d -> d != '', arrayMap(e -> e.4, session)) AS device_type,
       arrayFirst(d -> d != '', arrayMap(e -> e.5, session)) AS traffic_source,
       arraySort(arrayDistinct(arrayFilter(x -> x != '', arrayMap(e -> e.6, session))))
           AS experiments
FROM (
    SELECT user_id, arrayJoin(arraySplit(
        (e, pause) -> pause > {gap_ms:Int64}, events, arrayDifference(arrayMap(e -> e.1, events))
    )) AS session
    FROM (
        SELECT user_id, arraySort(groupArray((
            toUnixTimestamp64Milli(timestamp), toString(event_type), ifNull(value, 0),
            if(properties['device_type'] != '', properties['device_type'], properties['device']),
            if(properties['utm_source'] != '', properties['utm_source'],
               properties['traffic_source']),
            toString(experiment_id)))) AS events
        FROM (READ)
        GROUP BY user_id
    )
)
"""
# FINAL would read everything that could hide a newer version, 20 times as long for one user.
ONE_USER = f"""
SELECT user_id, timestamp, event_id, event_type, value, properties, experiment_id
FROM events WHERE user_id = {{user:String}} AND {BEHAVIOUR}
ORDER BY ingested_at DESC LIMIT 1 BY experiment_id, event_id
"""
OF_USER = (
    f"SELECT * FROM ({ONE_USER}) ORDER BY timestamp DESC, event_id DESC LIMIT {{limit:UInt32}}"
)
# Whoever is drawn must not depend on what they did or whether they came back: a hash decides.
DRAWN = f"""
SELECT * FROM events FINAL
WHERE {BEHAVIOUR} AND timestamp > {{since:DateTime64(3, 'UTC')}} AND user_id IN (
    SELECT user_id FROM events WHERE {BEHAVIOUR} AND timestamp > {{since:DateTime64(3, 'UTC')}}
      AND ({{acting:UInt8}} = 0 OR event_type != 'exposure')
    GROUP BY user_id ORDER BY sipHash64(user_id) LIMIT {{users:UInt32}}
)
ORDER BY user_id, timestamp DESC LIMIT {{limit:UInt32}} BY user_id
"""
RECENT = f"""
SELECT * FROM events FINAL
WHERE {BEHAVIOUR} AND user_id IN (
    SELECT user_id FROM events WHERE {BEHAVIOUR} AND event_type != 'exposure'
    GROUP BY user_id ORDER BY max(timestamp) DESC LIMIT {{users:UInt32}}
)
ORDER BY user_id, timestamp DESC LIMIT {{limit:UInt32}} BY user_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What one user did without a long pause: parallel tuples, oldest first; times are UTC ms."""

    user_id: str
    times_ms: tuple[int, ...]
    types: tuple[str, ...]
    values: tuple[float, ...]
    device_type: str
    traffic_source: str
    experiments: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserTotals:
    """How much is known of a user over all time."""

    events: int
    first_at: datetime
    last_at: datetime


class Sessions:
    """Sessions, cut from events or kept with their vectors."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._key: bytes | None = None
        self._guard = threading.Lock()
        self._vectors: dict[str, tuple[float, SessionVectors]] = {}

    def of_user(
        self, user_id: str, *, limit: int = 2000, gap_seconds: float = GAP_SECONDS
    ) -> tuple[Session, ...]:
        """The sessions of a user's latest ``limit`` events, oldest first."""
        rows = self._database.rows(
            CUT.replace("READ", OF_USER),
            {"user": user_id, "limit": limit, "gap_ms": round(gap_seconds * 1000)},
        )
        return tuple(sorted((_session(row) for row in rows), key=lambda one: one.times_ms[0]))

    def recent(
        self, *, users: int, events_each: int = 2000, gap_seconds: float = GAP_SECONDS
    ) -> tuple[Session, ...]:
        """The sessions of the users seen last, the latest ``events_each`` events of each."""
        rows = self._database.rows(
            CUT.replace("READ", RECENT),
            {"users": users, "limit": events_each, "gap_ms": round(gap_seconds * 1000)},
        )
        return tuple(sorted((_session(row) for row in rows), key=_order))

    def drawn(
        self, *, users: int, days: float, events_each: int = 2000, acting: bool = False
    ) -> tuple[Session, ...]:
        """The sessions of users drawn by chance among those seen in the last ``days`` there are.

        Unlike ``recent`` it takes in users who never came back and, unless only ``acting`` ones are
        wanted, those who were exposed and did nothing.
        """
        rows = self._database.rows(
            CUT.replace("READ", DRAWN),
            {
                "users": users,
                "limit": events_each,
                "acting": int(acting),
                "since": self.newest() - timedelta(days=days),
                "gap_ms": GAP_SECONDS * 1000,
            },
        )
        return tuple(sorted((_session(row) for row in rows), key=_order))

    def newest(self) -> datetime:
        """When the newest event happened (UTC), but for those of the future; 1970 without any."""
        row = self._database.row(
            f"SELECT least(max(timestamp), now64(3, 'UTC')) FROM events WHERE {BEHAVIOUR}"
        )
        assert row is not None
        newest: datetime = row[0]
        return newest

    def totals(self, user_id: str) -> UserTotals | None:
        """How much there is of a user, or None without any event."""
        row = self._database.row(
            f"SELECT count(), min(timestamp), max(timestamp) FROM ({ONE_USER})",
            {"user": user_id},
        )
        if row is None or row[0] == 0:
            return None
        return UserTotals(events=int(row[0]), first_at=row[1], last_at=row[2])

    def keep(self, rows: pa.Table) -> None:
        """Keep described sessions; the same user and start replaces what was there."""
        self._database.insert(TABLE, rows)
        self.refresh()

    def kept(self) -> int:
        """How many sessions are kept."""
        row = self._database.row("SELECT count() FROM behavior_sessions FINAL")
        return int(row[0]) if row else 0

    def vectors(self, made_by: str) -> SessionVectors:
        """The newest kept sessions of people with their vectors, at most ten minutes old."""
        now = time.monotonic()
        with self._guard:
            read_at, vectors = self._vectors.get(made_by, (-FRESH_SECONDS, None))
            if vectors is None or now - read_at >= FRESH_SECONDS:
                vectors = self._read_vectors(made_by)
                self._vectors[made_by] = (now, vectors)
            return vectors

    def refresh(self) -> None:
        """Forget what was read: sessions came or went."""
        with self._guard:
            self._vectors.clear()

    def _read_vectors(self, made_by: str) -> SessionVectors:
        return session_vectors(
            self._database.table(
                """
                SELECT user_id, pseudonym, started_at, steps, duration_seconds, path, value,
                       device_type, traffic_source, outcome, vector
                FROM behavior_sessions FINAL
                WHERE suspected_bot = 0 AND made_by = {made_by:String}
                ORDER BY started_at DESC LIMIT {limit:UInt32}
                """,
                {"made_by": made_by, "limit": MOST_VECTORS},
            )
        )

    def pseudonym_key(self) -> bytes:
        """The secret that pseudonyms are made with, made at the first call."""
        if self._key is None:
            self._key = self._read_key()
        # A read-only server that finds no key makes names for this answer alone.
        return self._key or secrets.token_bytes(32)

    def _read_key(self) -> bytes | None:
        oldest = "SELECT key FROM pseudonym_keys ORDER BY made_at, key LIMIT 1"
        with self._database.writing():
            row = self._database.row(oldest)
            if row is None and not current_reader().records:
                return None
            if row is None:
                made = [[secrets.token_hex(32)]]
                self._database.insert_rows("pseudonym_keys", ["key"], made, once="pseudonym_key")
                row = self._database.row(oldest)
        assert row is not None
        return bytes.fromhex(str(row[0]))


def _session(row: Sequence[Any]) -> Session:
    user_id, times, types, values, device, source, experiments = row
    return Session(
        user_id=user_id,
        times_ms=tuple(times),
        types=tuple(types),
        values=tuple(values),
        device_type=device,
        traffic_source=source,
        experiments=tuple(experiments),
    )


def _order(session: Session) -> tuple[str, int]:
    return session.user_id, session.times_ms[0]
