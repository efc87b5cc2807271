"""Copies of the audit log outside the database: one entry a line of JSON, in a file or a topic."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from neonblue.errors import InvalidInputError
from neonblue.stores.audit_entries import AuditEntry
from neonblue.stores.hash_chain import find_faults

if TYPE_CHECKING:
    from neonblue.stores.chain_anchor import Anchor

TEXTS = ("event", "experiment_id", "actor", "content", "writer", "previous", "hash")


def copy_line(entry: AuditEntry) -> str:
    """An entry with everything that its hash covers, as one line."""
    return json.dumps(
        {
            "writer": entry.writer,
            "sequence": entry.sequence,
            "previous": entry.previous,
            "hash": entry.stored,
            "logged_at": entry.logged_at.isoformat(),
            "event": entry.event,
            "experiment_id": entry.experiment_id,
            "actor": entry.actor,
            "content": entry.content,
        }
    )


def read_copy(lines: Iterable[str]) -> list[AuditEntry]:
    """The entries of a copy in the order they were logged, each once.

    Raises ``InvalidInputError`` for a line that is no entry.
    """
    entries = {_read(line, number) for number, line in enumerate(lines, start=1) if line.strip()}
    return sorted(entries, key=lambda one: (one.logged_at, one.writer, one.sequence, one.stored))


def copy_faults(copy: Sequence[AuditEntry], anchor: Anchor | None = None) -> list[str]:
    """What is wrong with a copy by itself: edits, gaps, insertions, forks.

    ``anchor`` gives the ends that the chains are known to have; a cut tail needs it.
    """
    return find_faults([entry.link for entry in copy], anchor, sole=False)


def missing_from(log: Sequence[AuditEntry], copy: Sequence[AuditEntry]) -> list[str]:
    """What the copy has and the log does not, a sentence each."""
    kept = {(entry.writer, entry.sequence): entry.stored for entry in log}
    return [
        f"{entry.event} {entry.entry_id} of the copy is "
        + ("missing" if found is None else "another entry")
        + " in the log"
        for entry in copy
        if (found := kept.get((entry.writer, entry.sequence))) != entry.stored
    ]


def _read(line: str, number: int) -> AuditEntry:
    try:
        found: dict[str, Any] = json.loads(line)
        if not all(isinstance(found[name], str) for name in TEXTS):
            raise TypeError("a text is missing")
        if not isinstance(json.loads(found["content"]), dict):
            raise TypeError("the content is no object")
        return AuditEntry(
            event=found["event"],
            experiment_id=found["experiment_id"],
            actor=found["actor"],
            content=found["content"],
            logged_at=datetime.fromisoformat(found["logged_at"]),
            writer=found["writer"],
            sequence=int(found["sequence"]),
            previous=found["previous"],
            stored=found["hash"],
        )
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InvalidInputError(
            f"line {number} is no entry of an audit log ({error}): use what `neonblue audit "
            "export` writes, or the messages of the audit topic"
        ) from error
