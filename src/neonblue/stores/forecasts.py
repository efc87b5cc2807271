"""The log of forecasts: appended before an experiment, resolved after it, never edited.

Forecasts and outcomes are entries of one chain a writer (``hash_chain``); where each chain ended is
kept outside the database too (``chain_anchor``). ``check`` says whether all of it still verifies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from neonblue.errors import UnavailableError
from neonblue.stores.anchor_file import AnchorFile
from neonblue.stores.chained_log import (
    EPOCH,
    ChainCheck,
    ChainedLog,
    Place,
    Read,
    TakenError,
)
from neonblue.stores.forecast_entries import (
    CHAIN_COLUMNS,
    OUTCOME_CHAIN_COLUMNS,
    OUTCOME_FIELDS,
    RECORD_FIELDS,
    Entry,
    ForecastOutcome,
    ForecastRecord,
    Outcome,
    chained_first_outcomes,
    cleaned,
    forecast_entry,
    outcome_entry,
    row_of,
)
from neonblue.stores.log_witnesses import missing_forecasts

if TYPE_CHECKING:
    from neonblue.stores.database import Database

__all__ = [
    "ForecastOutcome",
    "ForecastRecord",
    "Forecasts",
    "LoggedForecast",
    "Outcome",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedForecast:
    """A forecast and, once the experiment has ended, its outcome."""

    record: ForecastRecord
    outcome: ForecastOutcome | None


class Forecasts:
    """Append-only: there is no way to change or remove a forecast or an outcome."""

    def __init__(self, database: Database, anchor: AnchorFile | None = None) -> None:
        self._database = database
        self._log = ChainedLog(database, anchor or AnchorFile(sole=database.embedded), self._read)

    def append(self, record: ForecastRecord) -> ForecastRecord:
        """Log a forecast; the same id again changes nothing and returns what was logged."""
        with self._log.locked():
            for known in self.all():
                if known.record.forecast_id == record.forecast_id:
                    return known.record
            clean = replace(
                record,
                experiment_id=cleaned(record.experiment_id),
                evidence=tuple(map(cleaned, record.evidence)),
                plan=cleaned(record.plan),
            )
            if self._add(clean):
                return clean
            return next(
                known.record
                for known in self.all()
                if known.record.forecast_id == record.forecast_id
            )

    def resolve(self, outcome: ForecastOutcome) -> bool:
        """Log how it ended; False when it was resolved before (the first outcome stands)."""
        with self._log.locked():
            known = self._database.row(
                "SELECT 1 FROM forecast_outcomes WHERE forecast_id = {id:String}",
                {"id": outcome.forecast_id},
            )
            if known is not None:
                return False
            return self._add(outcome)

    def all(self) -> list[LoggedForecast]:
        """Every forecast in the order it was logged, with its outcome if there is one.

        Where two writers logged one forecast or one outcome, the earlier entry counts; of two in
        one microsecond the writer with the smaller name. So all readers agree.
        """
        records: dict[str, ForecastRecord] = {}
        outcomes: dict[str, ForecastOutcome] = {}
        for entry in self._entries():
            if isinstance(entry.content, ForecastRecord):
                records.setdefault(entry.content.forecast_id, entry.content)
            else:
                outcomes.setdefault(entry.content.forecast_id, entry.content)
        return [
            LoggedForecast(record=record, outcome=outcomes.get(name))
            for name, record in records.items()
        ]

    def open(self) -> list[ForecastRecord]:
        """Forecasts that wait for their experiment to end."""
        return [logged.record for logged in self.all() if logged.outcome is None]

    def entries_seen(self) -> int:
        """How many entries the log had when it was last looked at or added to."""
        return self._log.entries_seen()

    def check(self) -> ChainCheck:
        """Whether all chains are whole and hold the ends they had, and no outcome stands twice."""
        return self._log.check()

    def _read(self) -> Read:
        entries = self._entries()
        gone = missing_forecasts(self._database, len(entries))
        links = [entry.link for entry in entries]
        return Read(links=links, faults=[*_contradictions(entries), *gone])

    def _add(self, content: ForecastRecord | ForecastOutcome) -> bool:
        """Whether it is in the log now: of several writers the store keeps the first one's."""

        def entry(place: Place, stored: str = "") -> Entry:
            return Entry(
                content=content,
                logged_at=place.logged_at,
                version=2,
                writer=place.writer,
                sequence=place.sequence,
                previous=place.previous,
                stored=stored,
            )

        def insert(place: Place, stored: str) -> None:
            table, columns, values = row_of(entry(place, stored))
            once = f"{table} {content.forecast_id}"
            self._database.insert_rows(table, columns, [values], once=once)
            self._refuse_taken(table, content.forecast_id, stored)

        try:
            self._log.append(lambda place: entry(place).digest, insert)
        except TakenError:
            return False
        return True

    def _refuse_taken(self, table: str, forecast_id: str, stored: str) -> None:
        rows = self._database.rows(
            "SELECT hash FROM {table:Identifier} WHERE forecast_id = {id:String}",
            {"table": table, "id": forecast_id},
        )
        if not rows:
            raise UnavailableError(
                f"{forecast_id!r} was logged and cannot be read yet: try again, nothing is logged "
                "twice"
            )
        if (stored,) not in rows:
            raise TakenError(forecast_id)

    def _entries(self) -> list[Entry]:
        """Every entry in the order that all readers agree on; a row sent twice counts once."""
        forecasts = self._database.rows(
            f"SELECT {', '.join((*RECORD_FIELDS, *CHAIN_COLUMNS))} FROM forecasts"
        )
        outcomes = self._database.rows(
            f"SELECT {', '.join((*OUTCOME_FIELDS, *OUTCOME_CHAIN_COLUMNS))} FROM forecast_outcomes"
        )
        found = [*map(forecast_entry, forecasts), *map(outcome_entry, outcomes)]
        found = sorted(dict.fromkeys(found), key=_order)
        first = [e for e in found if e.version == 1 and isinstance(e.content, ForecastOutcome)]
        placed = dict(zip(first, chained_first_outcomes(first), strict=True))
        return [placed.get(entry, entry) for entry in found]


def _order(entry: Entry) -> tuple[bool, datetime, str, int, str]:
    """Entries of before there were writers by their number, the others by time."""
    if entry.version == 1 and isinstance(entry.content, ForecastRecord):
        return False, EPOCH, entry.writer, entry.sequence, entry.stored
    return entry.version > 1, entry.logged_at, entry.writer, entry.sequence, entry.stored


def _contradictions(entries: Sequence[Entry]) -> list[str]:
    """Outcomes that differ, so that one stands in the place of another.

    Two of version 1 may differ: nothing kept two processes from resolving a forecast at once.
    """
    said: dict[str, set[ForecastOutcome]] = {}
    chained = set()
    for entry in entries:
        if isinstance(entry.content, ForecastOutcome):
            said.setdefault(entry.content.forecast_id, set()).add(entry.content)
            chained |= {entry.content.forecast_id} if entry.version > 1 else set()
    return [
        f"forecast {name[:80]!r} has {len(different)} outcomes that differ"
        for name, different in said.items()
        if name in chained and len(different) > 1
    ]
