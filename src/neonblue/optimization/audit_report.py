"""The audit log as a person or an agent reads it: entries, the check, replays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast, get_args

from neonblue.errors import InvalidInputError, NotFoundError
from neonblue.optimization.audit import AuditEvent
from neonblue.optimization.policy import read_policy
from neonblue.optimization.replay import replay

if TYPE_CHECKING:
    from neonblue.optimization.audit import AuditLog
    from neonblue.stores.audit_entries import AuditEntry


def verified(audit: AuditLog) -> dict[str, Any]:
    """Whether the log is as it was written, and how far that can be said."""
    check = audit.verify()
    return {
        "unbroken": check.unbroken,
        "faults": [*check.faults],
        "entries": check.entries,
        "writers": check.writers,
        "note": check.note,
    }


def shown_entries(
    audit: AuditLog,
    *,
    limit: int,
    event: str | None = None,
    experiment_id: str | None = None,
) -> list[dict[str, Any]]:
    """The newest entries, the newest first."""
    if event and event not in get_args(AuditEvent):
        raise InvalidInputError(
            f"{event!r} is no event of the log: use one of {', '.join(get_args(AuditEvent))}"
        )
    chosen = cast("AuditEvent | None", event or None)
    found = audit.entries(chosen, experiment_id=experiment_id or None)
    return [plain(entry) for entry in found[: -limit - 1 : -1]]


def shown_entry(audit: AuditLog, entry_id: str) -> dict[str, Any]:
    """One entry. Raises ``NotFoundError``."""
    for entry in audit.entries():
        if entry.entry_id == entry_id:
            return plain(entry)
    raise NotFoundError(
        f"the audit log has no entry {entry_id!r}: read audit://log for what it has"
    )


def shown_replays(
    audit: AuditLog, *, entry_id: str | None = None, policy: str | None = None
) -> dict[str, Any]:
    """Decisions judged again; ``policy`` is the text of another policy, taken for signed."""
    other = None if policy is None else read_policy(policy, "the other policy")
    found = replay(
        audit,
        entry_id=entry_id or None,
        policy=other,
        signed=None if other is None else True,
    )
    return {
        "decisions": len(found),
        "same": sum(one.same for one in found),
        "replays": [
            {
                "entry_id": one.entry.entry_id,
                "event": one.entry.event,
                "kind": one.entry.details["act"]["kind"],
                "experiment_id": one.entry.experiment_id,
                "logged": one.logged,
                "now": one.now,
                "same": one.same,
                "held_by": one.held_by,
                "reasons": [*one.reasons],
            }
            for one in found
        ],
    }


def plain(entry: AuditEntry) -> dict[str, Any]:
    """An entry as JSON values."""
    return {
        "entry_id": entry.entry_id,
        "logged_at": entry.logged_at.isoformat(),
        "event": entry.event,
        "experiment_id": entry.experiment_id,
        "actor": entry.actor,
        "content": entry.details,
        "hash": entry.stored,
    }
