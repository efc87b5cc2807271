"""Which event types there are, in an experiment and beside it: for metrics that find nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from neonblue.stores.events import FROM_ROWS
from neonblue.stores.missing_values import SUFFIX, ZERO_SUFFIX

if TYPE_CHECKING:
    from neonblue.stores.database import Database

MOST_TYPES = 500
# The id that a file with one row a unit gives an exposure: there a value of 0 leaves no event.
FROM_ROW = "lower(hex(sipHash128(experiment_id, user_id, variant_id, 'exposure')))"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """How many events of a type there are in the experiment, and in all data."""

    name: str
    in_experiment: int
    anywhere: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTypes:
    """The commonest types; ``properties`` are those that the experiment's exposures carry.

    ``from_rows`` says that its units came from a file with one row a unit.
    """

    types: tuple[EventType, ...]
    properties: tuple[tuple[str, int], ...]
    from_rows: bool

    def of(self, name: str) -> EventType:
        """The counts of one type; zero where there is none."""
        nothing = EventType(name=name, in_experiment=0, anywhere=0)
        return next((item for item in self.types if item.name == name), nothing)


def event_types(database: Database, experiment_id: str) -> EventTypes:
    """Counts of stored rows by event type, those of the experiment first."""
    rows = database.rows(
        """
        SELECT event_type, countIf(experiment_id = {id:String}) AS own, count()
        FROM events
        WHERE NOT endsWith(event_type, {marker:String}) AND NOT endsWith(event_type, {zero:String})
        GROUP BY event_type ORDER BY own DESC, count() DESC, event_type
        LIMIT {most:UInt32}
        """,
        {"id": experiment_id, "most": MOST_TYPES, "marker": SUFFIX, "zero": ZERO_SUFFIX},
    )
    from_rows = database.rows(
        f"""
        SELECT 1 FROM events WHERE experiment_id = {{id:String}} AND event_type = 'exposure'
               AND source IN ('file', '{FROM_ROWS}') AND event_id = {FROM_ROW} LIMIT 1
        """,
        {"id": experiment_id},
    )
    properties = database.rows(
        """
        SELECT arrayJoin(mapKeys(properties)) AS name, count() FROM events
        WHERE experiment_id = {id:String} AND event_type = 'exposure'
        GROUP BY name ORDER BY count() DESC, name LIMIT {most:UInt32}
        """,
        {"id": experiment_id, "most": MOST_TYPES},
    )
    return EventTypes(
        types=tuple(
            EventType(name=name, in_experiment=own, anywhere=anywhere)
            for name, own, anywhere in rows
        ),
        properties=tuple((name, count) for name, count in properties),
        from_rows=bool(from_rows),
    )
