"""The log of forecasts: appended before an experiment, resolved after it, never edited.

Forecasts and outcomes are entries of one chain a writer (``hash_chain``); where each chain ended is
kept outside the database too (``chain_anchor``). ``check`` says whether all of it still verifies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from neonblue.errors import UnavailableError
from neonblue.models.reader import current_reader
from neonblue.stores.chain_anchor import Anchor, AnchorFile, Head, begun
from neonblue.stores.forecast_entries import (
    CHAIN_COLUMNS,
    EPOCH,
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
    microseconds,
    outcome_entry,
    row_of,
)
from neonblue.stores.hash_chain import advanced, find_faults, heads

if TYPE_CHECKING:
    from neonblue.stores.database import Database

__all__ = [
    "ForecastOutcome",
    "ForecastRecord",
    "Forecasts",
    "LogCheck",
    "LoggedForecast",
    "Outcome",
]

READS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedForecast:
    """A forecast and, once the experiment has ended, its outcome."""

    record: ForecastRecord
    outcome: ForecastOutcome | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogCheck:
    """Whether the log is as it was written: no ``faults``, each a sentence.

    ``note`` says how far that goes: since when the ends of the chains are known outside.
    """

    faults: tuple[str, ...]
    entries: int
    writers: int
    note: str

    @property
    def unbroken(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    @property
    def line(self) -> str:
        """The finding for a person."""
        if self.faults:
            return f"THE LOG DOES NOT VERIFY: {'; '.join(self.faults)} ({self.note})"
        writers = f" by {self.writers} writers" if self.writers > 1 else ""
        return f"the log verifies: {self.entries} entries{writers}, {self.note}"


class Forecasts:
    """Append-only: there is no way to change or remove a forecast or an outcome."""

    def __init__(self, database: Database, anchor: AnchorFile | None = None) -> None:
        self._database = database
        self._anchor = anchor or AnchorFile(sole=database.embedded)

    def append(self, record: ForecastRecord) -> ForecastRecord:
        """Log a forecast; the same id again changes nothing and returns what was logged."""
        with self._database.writing(), self._anchor.locked():
            for known in self.all():
                if known.record.forecast_id == record.forecast_id:
                    return known.record
            clean = replace(
                record,
                experiment_id=cleaned(record.experiment_id),
                evidence=tuple(map(cleaned, record.evidence)),
                plan=cleaned(record.plan),
            )
            self._add(clean)
            return clean

    def resolve(self, outcome: ForecastOutcome) -> bool:
        """Log how it ended; False when it was resolved before (the first outcome stands)."""
        with self._database.writing(), self._anchor.locked():
            known = self._database.row(
                "SELECT 1 FROM forecast_outcomes WHERE forecast_id = {id:String}",
                {"id": outcome.forecast_id},
            )
            if known is not None:
                return False
            self._add(outcome)
            return True

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

    def check(self) -> LogCheck:
        """Verify every entry, and every chain's end against what was seen of it before.

        What is whole moves the anchor on, unless this process is read-only.
        """
        if not current_reader().records:
            return self._check_without_lock()
        try:
            return self._check_and_advance()
        except UnavailableError:
            # Whether it can be written is one question, whether the log is whole another.
            return self._check_without_lock()

    def _check_and_advance(self) -> LogCheck:
        with self._database.writing(), self._anchor.locked():
            found, entries, anchor = self._look()
            if found.unbroken:
                moved = advanced(anchor, [entry.link for entry in entries])
                if moved != self._anchor.read():
                    self._anchor.write(moved)
            return found

    def _check_without_lock(self) -> LogCheck:
        """Again when something seems wrong: another process may have added entries in between."""
        found, _, _ = self._look()
        for _ in range(READS - 1):
            if found.unbroken:
                break
            found, _, _ = self._look()
        return found

    def _look(self) -> tuple[LogCheck, list[Entry], Anchor]:
        """The anchor is read first, so that it is never newer than what it is held against."""
        anchor = self._anchor.read()
        entries = self._entries()
        links = [entry.link for entry in entries]
        faults = find_faults(links, anchor, sole=self._anchor.sole)
        if anchor is None:
            anchor = self._begun(entries)
        return (
            LogCheck(
                faults=(*faults, *_contradictions(entries)),
                entries=len(entries),
                writers=len({entry.writer for entry in entries if entry.version > 1}),
                note=self._note(anchor),
            ),
            entries,
            anchor,
        )

    def _note(self, anchor: Anchor) -> str:
        if self._anchor.path is None:
            return "whose ends are known to this process alone"
        since = f"whose ends are kept in {str(self._anchor.path)!r} since {anchor.since:%Y-%m-%d}"
        if anchor.instead_of:
            return f"{since}: {anchor.instead_of}, so what was removed before cannot be seen"
        return since

    def _begun(self, entries: Sequence[Entry]) -> Anchor:
        instead_of = ""
        if self._anchor.damaged:
            instead_of = "the file before it could not be read"
        elif self._anchor.sole and any(entry.version > 1 for entry in entries):
            instead_of = "the file before it was gone"
        found = heads([entry.link for entry in entries])
        return begun(found, instead_of=instead_of, place=self._anchor.place)

    def _add(self, content: ForecastRecord | ForecastOutcome) -> None:
        """Announce the entry in the anchor, insert it, then make it the head."""
        anchor = self._ready_anchor()
        head = anchor.own
        now = max(datetime.now(UTC), EPOCH + timedelta(microseconds=head.at))
        entry = Entry(
            content=content,
            logged_at=now,
            version=2,
            writer=anchor.writer,
            sequence=head.count + 1,
            previous=head.digest,
            stored="",
        )
        entry = replace(entry, stored=entry.digest)
        self._anchor.write(anchor.with_own(replace(head, maybe=entry.stored)))
        table, columns, values = row_of(entry)
        self._database.insert_rows(table, columns, [values])
        added = Head(count=entry.sequence, digest=entry.stored, at=microseconds(now))
        self._anchor.write(anchor.with_own(added))

    def _ready_anchor(self) -> Anchor:
        """The anchor to add to: an entry whose insert was not seen to end is looked for.

        When it is not there it may still come, so its place is not used again.
        """
        anchor = self._anchor.read()
        if anchor is None:
            return self._begun(self._entries())
        if anchor.place != self._anchor.place:
            return anchor.moved(self._anchor.place)
        if not anchor.own.maybe:
            return anchor
        for entry in self._entries():
            if (entry.writer, entry.stored) == (anchor.writer, anchor.own.maybe):
                at = microseconds(entry.logged_at)
                return anchor.with_own(Head(count=entry.sequence, digest=entry.stored, at=at))
        return anchor.with_new_writer()

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
