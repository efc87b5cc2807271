"""What events carry of an experiment's units: a sample, to find out what gives a variant away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neonblue.stores.database import Database

SAMPLED_UNITS = 4000
READ_EVENTS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitEvent:
    """One event of a sampled unit, with the variant of the unit (not of the event)."""

    user_id: str
    variant_id: str
    event_type: str
    value: float | None
    properties: dict[str, str]


class VariantSigns:
    """Samples of units with all their events, whatever experiment those belong to."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def experiments(self) -> tuple[str, ...]:
        """Every experiment that has events, defined or not."""
        rows = self._database.rows("SELECT DISTINCT experiment_id FROM events")
        return tuple(name for (name,) in rows if name)

    def property_names(self) -> tuple[str, ...]:
        """Every property that any event carries."""
        rows = self._database.rows(
            "SELECT DISTINCT arrayJoin(mapKeys(properties)) AS name FROM events ORDER BY name"
        )
        return tuple(name for (name,) in rows)

    def sample(self, experiment_id: str) -> tuple[UnitEvent, ...]:
        """Events of up to 4,000 units, taken by the hash of their ids."""
        rows = self._database.rows(
            """
            SELECT events.user_id, exposed.variant, events.event_type, events.value,
                   events.properties
            FROM events INNER JOIN (
                SELECT user_id, any(variant_id) AS variant FROM events
                WHERE experiment_id = {id:String} AND event_type = 'exposure'
                GROUP BY user_id HAVING uniqExact(variant_id) = 1
                ORDER BY cityHash64(user_id) LIMIT {units:UInt32}
            ) AS exposed ON events.user_id = exposed.user_id
            LIMIT {events:UInt32}
            """,
            {"id": experiment_id, "units": SAMPLED_UNITS, "events": READ_EVENTS},
        )
        return tuple(
            UnitEvent(
                user_id=user,
                variant_id=variant,
                event_type=kind,
                value=value,
                properties=dict(properties),
            )
            for user, variant, kind, value, properties in rows
        )
