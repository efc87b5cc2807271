"""Starts of an experiment on other units under the same id and version.

A load that replaces what an experiment had may bring other units, or leave out some. If the units
of before had been read, what comes then is another chance, as a restart is.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neonblue.stores.database import Database

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class UnitStarts:
    """When units of an experiment went away, and how often it had been read by then."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, experiment_id: str, *, chosen: bool = False) -> None:
        """From now on an experiment has other units than before.

        ``chosen`` says that they are some of those that it had, as one segment.
        """
        row = self._database.row(
            "SELECT uniqExact(look_id, version, looked_at) FROM looks "
            "WHERE experiment_id = {id:String} AND effects AND metric = ''",
            {"id": experiment_id},
        )
        readings = int(row[0]) if row else 0
        self._database.insert_rows(
            "unit_starts",
            ["experiment_id", "readings", "chosen"],
            [[experiment_id, readings, chosen]],
        )

    def newest(self, experiment_id: str) -> datetime:
        """When the units that it has now began to come (UTC); long ago if none ever went away."""
        row = self._database.row(
            "SELECT max(started_at) FROM unit_starts WHERE experiment_id = {id:String} "
            "HAVING count() > 0",
            {"id": experiment_id},
        )
        return BEGINNING if row is None else row[0]

    def chosen(self, experiment_id: str) -> bool:
        """Whether its units were chosen when it had been read."""
        row = self._database.row(
            "SELECT argMax(chosen AND readings > 0, started_at) FROM unit_starts "
            "WHERE experiment_id = {id:String} HAVING count() > 0",
            {"id": experiment_id},
        )
        return row is not None and bool(row[0])

    def read(self, experiment_id: str) -> int:
        """How many earlier starts on other units were read."""
        row = self._database.row(
            "SELECT uniqExact(readings) FROM unit_starts "
            "WHERE experiment_id = {id:String} AND readings > 0",
            {"id": experiment_id},
        )
        return int(row[0]) if row else 0
