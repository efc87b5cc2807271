"""The facts of units' journeys, read from their events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neonblue.stores.database import Database

LAST_EVENTS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyFacts:
    """What one unit did. ``last_types`` are its latest event types, oldest first; times are UTC;
    ``device`` and ``source`` are '' when no event says."""

    user_id: str
    events: int
    sessions: int
    first_at: datetime
    last_at: datetime
    value: float
    last_types: tuple[str, ...]
    device: str
    source: str
    segment: str
    experiments: tuple[str, ...]


class Journeys:
    """Journeys by unit."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, user_ids: Sequence[str]) -> list[JourneyFacts]:
        """The journeys of those units that have events."""
        rows = self._database.rows(
            """
            SELECT user_id, count() AS events, greatest(uniqExact(session_id), 1) AS sessions,
                   min(timestamp) AS first_at, max(timestamp) AS last_at,
                   sum(ifNull(value, 0)) AS total,
                   arrayMap(e -> e.2, arraySort(arraySlice(arrayReverseSort(groupArray(
                       (timestamp, toString(event_type)))), 1, {last:UInt32}))) AS types,
                   argMaxIf(device, timestamp, device != '') AS device,
                   argMinIf(source, timestamp, source != '') AS source,
                   argMaxIf(segment, timestamp, segment != '') AS segment,
                   arraySort(groupUniqArrayIf(20)(toString(experiment_id), experiment_id != ''))
            FROM (
                SELECT user_id, timestamp, event_type, value, session_id, experiment_id,
                       properties['device'] AS device,
                       if(properties['utm_source'] != '', properties['utm_source'],
                          properties['traffic_source']) AS source,
                       if(properties['segment'] != '', properties['segment'],
                          properties['user_segment']) AS segment
                FROM events FINAL WHERE user_id IN {users:Array(String)}
            )
            GROUP BY user_id
            """,
            {"users": list(user_ids), "last": LAST_EVENTS},
        )
        return [
            JourneyFacts(
                user_id=row[0],
                events=row[1],
                sessions=row[2],
                first_at=row[3],
                last_at=row[4],
                value=row[5],
                last_types=tuple(row[6]),
                device=row[7],
                source=row[8],
                segment=row[9],
                experiments=tuple(row[10]),
            )
            for row in rows
        ]
