"""What there is to ask about: event types with counts and times, properties with their values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from neonblue.models.untimed import known_time
from neonblue.stores.events import BEHAVIOUR
from neonblue.stores.missing_values import SUFFIX

if TYPE_CHECKING:
    from neonblue.stores.database import Database

MAX_TYPES = 500
SAMPLED_EVENTS = 200_000
MAX_PROPERTIES = 200
MAX_VALUES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTypeFacts:
    """How often an event type came, from whom, since and until when (UTC).

    ``mean_value`` is over the events that carry a value, None where none does.
    """

    name: str
    events: int
    users: int
    first_at: datetime | None
    last_at: datetime | None
    with_value: int
    mean_value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyFacts:
    """A property with the commonest of its values and the event types that carry it.

    Counts are of the events that were looked at: all of them, or a sample of large data.
    """

    name: str
    events: int
    distinct_values: int
    values: tuple[str, ...]
    event_types: tuple[str, ...]
    numeric: bool


class Catalog:
    """Event types and properties as they are in the data."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def event_types(self) -> tuple[EventTypeFacts, ...]:
        """Every event type, the commonest first."""
        rows = self._database.rows(
            f"""
            SELECT event_type, count(), uniq(user_id), min(timestamp), max(timestamp),
                   countIf(value IS NOT NULL), avg(value)
            FROM events FINAL
            WHERE NOT endsWith(event_type, {{marker:String}})
            GROUP BY event_type ORDER BY count() DESC, event_type LIMIT {MAX_TYPES}
            """,
            {"marker": SUFFIX},
        )
        return tuple(
            EventTypeFacts(
                name=name,
                events=events,
                users=users,
                first_at=known_time(first),
                last_at=known_time(last),
                with_value=with_value,
                mean_value=mean,
            )
            for name, events, users, first, last, with_value, mean in rows
        )

    def behaviour_types(self) -> tuple[str, ...]:
        """Names of the event types of what users did: what a funnel can have for steps."""
        rows = self._database.rows(
            f"""
            SELECT event_type FROM events WHERE {BEHAVIOUR}
              AND NOT endsWith(event_type, {{marker:String}})
            GROUP BY event_type ORDER BY count() DESC, event_type LIMIT {MAX_TYPES}
            """,
            {"marker": SUFFIX},
        )
        return tuple(name for (name,) in rows)

    def users_among(self, words: Iterable[str]) -> frozenset[str]:
        """Those of the words that are ids of users."""
        asked = sorted(set(words))
        if not asked:
            return frozenset()
        rows = self._database.rows(
            "SELECT DISTINCT user_id FROM events WHERE user_id IN {words:Array(String)}",
            {"words": asked},
        )
        return frozenset(str(user) for (user,) in rows)

    def properties(self) -> tuple[PropertyFacts, ...]:
        """Properties of events, the commonest first; of large data over a sample by event id."""
        total = self._database.rows("SELECT count() FROM events")[0][0]
        rows = self._database.rows(
            f"""
            SELECT name, count(), uniqExact(value) AS kinds, topK({MAX_VALUES})(value),
                   arraySort(groupUniqArray(20)(event_type)),
                   countIf(toFloat64OrNull(value) IS NULL) = 0
            FROM (
                SELECT event_type, properties FROM events
                WHERE cityHash64(event_id, user_id) % {{every:UInt64}} = 0
            ) ARRAY JOIN mapKeys(properties) AS name, mapValues(properties) AS value
            GROUP BY name ORDER BY count() DESC, name LIMIT {MAX_PROPERTIES}
            """,
            {"every": max(1, total // SAMPLED_EVENTS)},
        )
        return tuple(
            PropertyFacts(
                name=name,
                events=events,
                distinct_values=kinds,
                values=tuple(values),
                event_types=tuple(types),
                numeric=bool(numeric),
            )
            for name, events, kinds, values, types, numeric in rows
        )
