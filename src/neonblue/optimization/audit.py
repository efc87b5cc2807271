"""The audit log: every act, approval and refusal, with what is needed to judge them again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from neonblue.models.outside_text import heard

if TYPE_CHECKING:
    from neonblue.stores.audit_entries import AuditEntries, AuditEntry
    from neonblue.stores.chained_log import ChainCheck

AuditEvent = Literal[
    "policy",
    "approvers",
    "decided",
    "asked",
    "granted",
    "denied",
    "wrong_code",
    "allowed",
    "refused",
    "done",
    "failed",
    "halted",
    "lifted",
]


class AuditLog:
    """Append-only."""

    def __init__(
        self, entries: AuditEntries, *, clock: Callable[[], datetime] | None = None
    ) -> None:
        self._entries = entries
        self._clock = clock

    def append(
        self, event: AuditEvent, *, actor: str, content: Mapping[str, Any], experiment_id: str = ""
    ) -> AuditEntry:
        """Log what happened; once this returns, a cut tail shows."""
        return self._entries.append(
            event,
            experiment_id=experiment_id,
            actor=actor,
            content=content,
            now=None if self._clock is None else self._clock(),
        )

    def entries(
        self, event: AuditEvent | None = None, *, experiment_id: str | None = None
    ) -> list[AuditEntry]:
        """Entries in the order they were logged, all or of one event or experiment."""
        found = self._entries.all(event=event, experiment_id=experiment_id)
        heard([entry.actor for entry in found])
        return found

    def newest(self, event: AuditEvent) -> AuditEntry | None:
        """The newest entry of an event."""
        found = self._entries.all(event=event)
        return found[-1] if found else None

    def newest_time(self) -> datetime:
        """When the newest known entry was logged; 1970 while there is none."""
        return self._entries.newest_time()

    def verify(self) -> ChainCheck:
        """Whether the log is as it was written: edits, gaps, insertions, a cut tail, forks."""
        return self._entries.check()
