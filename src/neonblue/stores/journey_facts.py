"""The facts of units' journeys, read from their events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from neonblue.stores.events import BEHAVIOUR
from neonblue.stores.sessions import GAP_SECONDS

if TYPE_CHECKING:
    from neonblue.stores.database import Database

LAST_EVENTS = 50
MOST_TYPES = 500
# The event's own, as the enrichment takes it.
SEGMENT_PROPERTIES = ("segment", "user_segment", "plan", "tier")


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyFacts:
    """What one unit did. ``last_types`` are its latest event types, oldest first, ``all_types``
    each one that it ever had; times are UTC; ``device``, ``source`` and ``segment`` are '' when no
    event says. A visit ends with a pause of half an hour; ``active_seconds`` is their sum.
    """

    user_id: str
    events: int
    sessions: int
    first_at: datetime
    last_at: datetime
    value: float
    last_types: tuple[str, ...]
    all_types: tuple[str, ...]
    visits: int
    active_seconds: float
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
            f"""
            SELECT user_id, count() AS events,
                   greatest(uniqExactIf(session_id, session_id != ''), visits) AS sessions,
                   min(timestamp) AS first_at, max(timestamp) AS last_at,
                   sum(ifNull(value, 0)) AS total,
                   arrayMap(e -> e.2, arraySort(arraySlice(arrayReverseSort(groupArray(
                       (timestamp, toString(event_type)))), 1, {{last:UInt32}}))) AS types,
                   arraySort(groupUniqArray({{most:UInt32}})(toString(event_type))) AS all_types,
                   arrayDifference(arraySort(groupArray(toUnixTimestamp64Milli(timestamp))))
                       AS pauses,
                   1 + arrayCount(pause -> pause > {{gap_ms:Int64}}, pauses) AS visits,
                   arraySum(arrayFilter(pause -> pause <= {{gap_ms:Int64}}, pauses)) / 1000,
                   argMaxIf(device, timestamp, device != '') AS device,
                   argMinIf(source, timestamp, source != '') AS source,
                   argMaxIf(segment, timestamp, segment != '') AS segment,
                   arraySort(groupUniqArrayIf(20)(toString(experiment_id), experiment_id != ''))
            FROM (
                SELECT user_id, timestamp, event_type, value, session_id, experiment_id,
                       if(properties['device_type'] != '', properties['device_type'],
                          properties['device']) AS device,
                       if(properties['utm_source'] != '', properties['utm_source'],
                          properties['traffic_source']) AS source,
                       arrayFirst(found -> found != '', arrayMap(
                           name -> properties[name], {{segments:Array(String)}})) AS segment
                FROM events FINAL
                WHERE {BEHAVIOUR} AND user_id IN {{users:Array(String)}}
            )
            GROUP BY user_id
            """,
            {
                "users": list(user_ids),
                "last": LAST_EVENTS,
                "most": MOST_TYPES,
                "gap_ms": GAP_SECONDS * 1000,
                "segments": list(SEGMENT_PROPERTIES),
            },
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
                all_types=tuple(row[7]),
                visits=row[9],
                active_seconds=row[10],
                device=row[11],
                source=row[12],
                segment=row[13],
                experiments=tuple(row[14]),
            )
            for row in rows
        ]
