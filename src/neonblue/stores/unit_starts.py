"""Starts of an experiment on other units under the same id and version.

A load that replaces what an experiment had may bring other units, or leave out some. If the units
of before had been read, what comes then is another chance, as a restart is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neonblue.stores.database import Database

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitStart:
    """The start that an experiment's units are of.

    ``began_at`` is when they began to come (UTC; long ago if none ever went away), ``chosen``
    whether they were chosen when it had been read, ``read`` how many earlier starts were read.
    """

    began_at: datetime = BEGINNING
    chosen: bool = False
    read: int = 0


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

    def of(self, experiment_id: str) -> UnitStart:
        """What its starts leave behind."""
        row = self._database.row(
            "SELECT max(started_at), argMax(chosen AND readings > 0, started_at), "
            "uniqExactIf(readings, readings > 0) FROM unit_starts "
            "WHERE experiment_id = {id:String} HAVING count() > 0",
            {"id": experiment_id},
        )
        if row is None:
            return UnitStart()
        return UnitStart(began_at=row[0], chosen=bool(row[1]), read=int(row[2]))
