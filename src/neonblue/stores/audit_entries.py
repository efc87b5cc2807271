"""The rows of the audit log: every act, approval and refusal, in chains of hashes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from neonblue.stores.anchor_file import AnchorFile
from neonblue.stores.chained_log import ChainCheck, ChainedLog, Place, Read, microseconds
from neonblue.stores.hash_chain import Link, entry_digest
from neonblue.stores.log_witnesses import missing_audit

if TYPE_CHECKING:
    from neonblue.stores.database import Database

COLUMNS = ("event", "experiment_id", "actor", "content")
CHAIN_COLUMNS = ("logged_at", "writer", "sequence", "previous_hash", "hash")
KEPT_DIGESTS = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One entry: what happened (``event``), to which experiment, by whom. ``content`` is JSON."""

    event: str
    experiment_id: str
    actor: str
    content: str
    logged_at: datetime
    writer: str
    sequence: int
    previous: str
    stored: str

    @property
    def details(self) -> dict[str, Any]:
        """The content, read."""
        read: dict[str, Any] = json.loads(self.content)
        return read

    @property
    def entry_id(self) -> str:
        """How the entry is called: its writer and its number there."""
        return f"{self.writer}.{self.sequence}"

    @property
    def link(self) -> Link:
        """The entry as its chain sees it."""
        return Link(
            writer=self.writer,
            sequence=self.sequence,
            previous=self.previous,
            stored=self.stored,
            computed=_computed(self),
            at=microseconds(self.logged_at),
            label=f"{self.event} {self.entry_id}",
        )


class AuditEntries:
    """Append-only: there is no way to change or remove an entry."""

    def __init__(self, database: Database, anchor: AnchorFile | None = None) -> None:
        self._database = database
        self._log = ChainedLog(database, anchor or AnchorFile(sole=database.embedded), self._read)

    def append(
        self,
        event: str,
        *,
        experiment_id: str,
        actor: str,
        content: Mapping[str, Any],
        now: datetime | None = None,
    ) -> AuditEntry:
        """Log what happened; returns the entry once it is kept and its end is known outside."""
        import rfc8785

        text = rfc8785.dumps(dict(content)).decode()
        values = [event, experiment_id, actor, text]

        def digest(place: Place) -> str:
            return _digest(values, place)

        def insert(place: Place, stored: str) -> None:
            chain = [place.logged_at, place.writer, place.sequence, place.previous, stored]
            columns = [*COLUMNS, *CHAIN_COLUMNS]
            self._database.insert_rows("audit_log", columns, [[*values, *chain]])

        with self._log.locked():
            place, stored = self._log.append(digest, insert, now=now)
        return AuditEntry(
            event=event,
            experiment_id=experiment_id,
            actor=actor,
            content=text,
            logged_at=place.logged_at,
            writer=place.writer,
            sequence=place.sequence,
            previous=place.previous,
            stored=stored,
        )

    def all(
        self, *, event: str | None = None, experiment_id: str | None = None
    ) -> list[AuditEntry]:
        """Entries in the order they were logged, all or of one event or experiment."""
        rows = self._database.rows(
            f"""
            SELECT DISTINCT {", ".join((*COLUMNS, *CHAIN_COLUMNS))} FROM audit_log
            WHERE ({{event:String}} = '' OR event = {{event:String}})
              AND ({{id:String}} = '' OR experiment_id = {{id:String}})
            ORDER BY logged_at, writer, sequence, hash
            """,
            {"event": event or "", "id": experiment_id or ""},
        )
        return [_entry(row) for row in rows]

    def counts(self) -> dict[str, int]:
        """How many entries each writer's chain has."""
        rows = self._database.rows(
            "SELECT writer, max(sequence) FROM audit_log GROUP BY writer ORDER BY writer"
        )
        return {writer: int(count) for writer, count in rows}

    def following(self, writer: str, after: int, *, limit: int) -> list[AuditEntry]:
        """A writer's entries after a place of its chain, in their order."""
        rows = self._database.rows(
            f"""
            SELECT DISTINCT {", ".join((*COLUMNS, *CHAIN_COLUMNS))} FROM audit_log
            WHERE writer = {{writer:String}} AND sequence > {{after:UInt64}}
            ORDER BY sequence, hash LIMIT {{limit:UInt32}}
            """,
            {"writer": writer, "after": after, "limit": limit},
        )
        return [_entry(row) for row in rows]

    def newest_time(self) -> datetime:
        """When the newest known entry was logged; 1970 while there is none."""
        return self._log.newest_time()

    def check(self) -> ChainCheck:
        """Whether all chains are whole and hold the ends they had."""
        return self._log.check()

    def _read(self) -> Read:
        entries = self.all()
        first = min((entry.logged_at for entry in entries), default=None)
        return Read(
            links=[entry.link for entry in entries], faults=missing_audit(self._database, first)
        )


def _entry(row: Sequence[Any]) -> AuditEntry:
    event, experiment_id, actor, content, logged_at, writer, sequence, previous, stored = row
    return AuditEntry(
        event=event,
        experiment_id=experiment_id,
        actor=actor,
        content=content,
        logged_at=logged_at,
        writer=writer,
        sequence=int(sequence),
        previous=previous,
        stored=stored,
    )


@lru_cache(maxsize=KEPT_DIGESTS)
def _computed(entry: AuditEntry) -> str:
    place = Place(
        writer=entry.writer,
        sequence=entry.sequence,
        previous=entry.previous,
        logged_at=entry.logged_at,
    )
    return _digest([entry.event, entry.experiment_id, entry.actor, entry.content], place)


def _digest(values: Sequence[str], place: Place) -> str:
    """Over the text of the content as it is kept, so that another spelling of it shows too."""
    return entry_digest(
        kind="audit",
        writer=place.writer,
        sequence=place.sequence,
        previous=place.previous,
        at=place.at,
        content=dict(zip(COLUMNS, values, strict=True)),
    )
