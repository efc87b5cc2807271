"""Appends to one writer's chain of hashes, and holds all chains against the ends that were seen.

What an entry is, and where it is kept, is the log's own affair: it gives its links and inserts at
a place. The anchor announces each entry before the insert and confirms it after (ADR 0018).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from neonblue.errors import UnavailableError
from neonblue.models.reader import current_reader
from neonblue.stores.anchor_file import AnchorFile
from neonblue.stores.chain_anchor import Anchor, Head, begun
from neonblue.stores.hash_chain import (
    FIRST_FORECASTS,
    FIRST_OUTCOMES,
    Link,
    advanced,
    find_faults,
    heads,
)

if TYPE_CHECKING:
    from neonblue.stores.database import Database

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
READS = 3
BEFORE_WRITERS = frozenset({FIRST_FORECASTS, FIRST_OUTCOMES})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the next entry goes: its writer, its number, the hash before and its time."""

    writer: str
    sequence: int
    previous: str
    logged_at: datetime

    @property
    def at(self) -> int:
        """Microseconds since 1970."""
        return microseconds(self.logged_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainCheck:
    """Whether a log is as it was written: no ``faults``, each a sentence.

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Every entry as a link, and what is wrong with them beside the chains, a sentence each."""

    links: Sequence[Link]
    faults: Sequence[str] = ()


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970, without the rounding of floats."""
    return (moment - EPOCH) // timedelta(microseconds=1)


class TakenError(Exception):
    """What ``insert`` raises when the store kept another writer's entry and dropped ours."""


class ChainedLog:
    """One append-only log in chains. ``read`` reads every entry."""

    def __init__(self, database: Database, anchor: AnchorFile, read: Callable[[], Read]) -> None:
        self._database = database
        self._anchor = anchor
        self._read = read

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else who shares the data adds an entry meanwhile."""
        with self._database.writing(), self._anchor.locked():
            yield

    def append(
        self,
        digest: Callable[[Place], str],
        insert: Callable[[Place, str], None],
        *,
        now: datetime | None = None,
    ) -> tuple[Place, str]:
        """Add one entry; returns its place and hash when the disk has both ends.

        ``digest`` gives the hash of the entry at a place, ``insert`` keeps it there. An entry is
        never dated before the one that it follows. The caller holds ``locked``. When ``insert``
        raises ``TakenError``, the place is free again and the error passes on.
        """
        anchor = self._ready_anchor()
        head = anchor.own
        place = Place(
            writer=anchor.writer,
            sequence=head.count + 1,
            previous=head.digest,
            logged_at=max(now or datetime.now(UTC), EPOCH + timedelta(microseconds=head.at)),
        )
        stored = digest(place)
        self._anchor.write(anchor.with_own(replace(head, maybe=stored)))
        try:
            insert(place, stored)
        except TakenError:
            self._anchor.write(anchor.with_own(head))
            raise
        added = Head(count=place.sequence, digest=stored, at=place.at)
        self._anchor.write(anchor.with_own(added))
        return place, stored

    def entries_seen(self) -> int:
        """How many entries there were when they were last looked at or added."""
        anchor = self._anchor.read()
        return 0 if anchor is None else anchor.entries

    def newest_time(self) -> datetime:
        """When the newest entry that was seen was logged: clocks are never before it."""
        anchor = self._anchor.read()
        ends = [] if anchor is None else [head.at for head in anchor.heads.values()]
        return EPOCH + timedelta(microseconds=max(ends, default=0))

    def check(self) -> ChainCheck:
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

    def _check_and_advance(self) -> ChainCheck:
        with self.locked():
            found, links, anchor = self._look()
            if found.unbroken:
                moved = advanced(anchor, links)
                if moved != self._anchor.read():
                    self._anchor.write(moved)
            return found

    def _check_without_lock(self) -> ChainCheck:
        """Again when something seems wrong: another process may have added entries in between."""
        found, _, _ = self._look()
        for _ in range(READS - 1):
            if found.unbroken:
                break
            found, _, _ = self._look()
        return found

    def _look(self) -> tuple[ChainCheck, Sequence[Link], Anchor]:
        """The anchor is read first, so that it is never newer than what it is held against."""
        anchor = self._anchor.read()
        read = self._read()
        links = read.links
        faults = find_faults(links, anchor, sole=self._anchor.sole)
        if anchor is None:
            anchor = self._begun(links)
        found = ChainCheck(
            faults=(*faults, *read.faults),
            entries=len(links),
            writers=len({link.writer for link in links} - BEFORE_WRITERS),
            note=self._note(anchor),
        )
        return found, links, anchor

    def _note(self, anchor: Anchor) -> str:
        if not self._anchor.paths:
            return "whose ends are known to this process alone"
        files = " and ".join(repr(str(path)) for path in self._anchor.paths)
        since = f"whose ends are kept in {files} since {anchor.since:%Y-%m-%d}"
        if anchor.instead_of:
            return f"{since}: {anchor.instead_of}, so what was removed before cannot be seen"
        return since

    def _begun(self, links: Sequence[Link]) -> Anchor:
        instead_of = ""
        if self._anchor.damaged:
            instead_of = "the file before it could not be read"
        elif self._anchor.sole and {link.writer for link in links} - BEFORE_WRITERS:
            instead_of = "the file before it was gone"
        return begun(heads(links), instead_of=instead_of, place=self._anchor.place)

    def _ready_anchor(self) -> Anchor:
        """The anchor to add to: an entry whose insert was not seen to end is looked for.

        When it is not there it may still come, so its place is not used again.
        """
        anchor = self._anchor.read()
        if anchor is None:
            return self._begun(self._read().links)
        if anchor.place != self._anchor.place:
            return anchor.moved(self._anchor.place)
        if not anchor.own.maybe:
            return anchor
        for link in self._read().links:
            if (link.writer, link.stored) == (anchor.writer, anchor.own.maybe):
                return anchor.with_own(Head(count=link.sequence, digest=link.stored, at=link.at))
        return anchor.with_new_writer()
