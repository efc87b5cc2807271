"""Which variant units were exposed to first: what keeps an assignment as it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neonblue.stores.database import Database

UNITS_A_QUERY = 10_000


class Exposures:
    """First exposures of units, read by the events' own order: experiment, then unit."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def first_variants(self, experiment_id: str, units: Sequence[str]) -> dict[str, str]:
        """The variant_id of each unit's earliest exposure; units never exposed are left out."""
        found: dict[str, str] = {}
        for start in range(0, len(units), UNITS_A_QUERY):
            rows = self._database.rows(
                """
                SELECT user_id, argMin(variant_id, (timestamp, event_id)) FROM events
                WHERE experiment_id = {id:String} AND event_type = 'exposure'
                  AND user_id IN {units:Array(String)}
                GROUP BY user_id
                """,
                {"id": experiment_id, "units": list(units[start : start + UNITS_A_QUERY])},
            )
            found.update(rows)
        return found
