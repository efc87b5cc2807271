"""Which experiments expose the same units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neonblue.stores.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedUnits:
    """How many units of an experiment another one exposed too."""

    experiment_id: str
    units: int


def experiments_sharing_units(
    database: Database, experiment_id: str, *, least_units: int, limit: int
) -> tuple[SharedUnits, ...]:
    """The other experiments with the most units in common, at least ``least_units``."""
    rows = database.rows(
        """
        SELECT experiment_id, uniqExact(user_id) AS units FROM events
        WHERE event_type = 'exposure' AND experiment_id NOT IN ('', {id:String}) AND user_id IN (
            SELECT user_id FROM events
            WHERE experiment_id = {id:String} AND event_type = 'exposure'
        )
        GROUP BY experiment_id HAVING units >= {least:UInt64}
        ORDER BY units DESC, experiment_id LIMIT {limit:UInt32}
        """,
        {"id": experiment_id, "least": least_units, "limit": limit},
    )
    return tuple(SharedUnits(experiment_id=name, units=units) for name, units in rows)
