"""How many units come a day, and how often they do something: what a plan can count on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from neonblue.models.untimed import UNTIMED
from neonblue.stores.events import BEHAVIOUR

if TYPE_CHECKING:
    from neonblue.stores.database import Database

WINDOW_DAYS = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedTraffic:
    """The last 28 days of data: different users and days with any event. ``until`` is UTC."""

    users: int
    days: int
    until: datetime

    @property
    def units_per_day(self) -> float:
        """Different users of the window by its days: what keeps coming, not who comes back."""
        return self.users / self.days


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCount:
    """How many events of a type are stored, and of about how many users."""

    event_type: str
    events: int
    users: int


class Traffic:
    """Counts over everybody, in an experiment or not."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def observed(self) -> ObservedTraffic | None:
        """The traffic of the last 28 days of data; None without events."""
        row = self._database.row(
            """
            WITH (SELECT max(timestamp) FROM events) AS newest,
                 {untimed:DateTime64(3, 'UTC')} AS untimed
            SELECT uniqExact(user_id), uniqExact(toDate(timestamp)), max(timestamp)
            FROM events WHERE timestamp > newest - INTERVAL 28 DAY AND timestamp != untimed
            """,
            {"untimed": UNTIMED},
        )
        if row is None or not row[0]:
            return None
        return ObservedTraffic(users=int(row[0]), days=int(row[1]), until=row[2])

    def event_types(self) -> list[tuple[str, int]]:
        """The window's event types with their users, the most used first."""
        rows = self._database.rows(
            """
            WITH (SELECT max(timestamp) FROM events) AS newest,
                 {untimed:DateTime64(3, 'UTC')} AS untimed
            SELECT event_type, uniqExact(user_id) AS users
            FROM events WHERE timestamp > newest - INTERVAL 28 DAY AND timestamp != untimed
            GROUP BY event_type ORDER BY users DESC, event_type LIMIT 100
            """,
            {"untimed": UNTIMED},
        )
        return [(row[0], int(row[1])) for row in rows]

    def event_counts(self) -> list[EventCount]:
        """All event types of journeys with their events and users, the commonest first."""
        rows = self._database.rows(
            f"""
            SELECT event_type, count() AS events, uniq(user_id) FROM events WHERE {BEHAVIOUR}
            GROUP BY event_type ORDER BY events DESC, event_type LIMIT 1000
            """
        )
        return [EventCount(event_type=row[0], events=row[1], users=row[2]) for row in rows]

    def exposure_properties(self) -> dict[str, int]:
        """The properties that the window's exposures carry, in any experiment, and how often."""
        rows = self._database.rows(
            """
            WITH (SELECT max(timestamp) FROM events) AS newest
            SELECT arrayJoin(mapKeys(properties)) AS name, count() FROM events
            WHERE event_type = 'exposure' AND timestamp > newest - INTERVAL 28 DAY
            GROUP BY name ORDER BY count() DESC, name LIMIT 500
            """
        )
        return {row[0]: int(row[1]) for row in rows}

    def share_with(self, event_type: str) -> float | None:
        """The share of the window's users with at least one event of a type; None without it."""
        row = self._database.row(
            """
            WITH (SELECT max(timestamp) FROM events) AS newest,
                 {untimed:DateTime64(3, 'UTC')} AS untimed
            SELECT uniqExactIf(user_id, event_type = {type:String}), uniqExact(user_id)
            FROM events WHERE timestamp > newest - INTERVAL 28 DAY AND timestamp != untimed
            """,
            {"type": event_type, "untimed": UNTIMED},
        )
        return row[0] / row[1] if row is not None and row[0] else None
