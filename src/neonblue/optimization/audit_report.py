"""The audit log as a person or an agent reads it: entries, the check, replays."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast, get_args

from neonblue.errors import InvalidInputError, NotFoundError
from neonblue.optimization.audit import AuditEvent
from neonblue.optimization.loop.decisions import ChangeTerms, replay_decisions
from neonblue.optimization.loop.goal_file import read_terms
from neonblue.optimization.policy import read_policy
from neonblue.optimization.replay import Replayed, replay

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
    audit: AuditLog,
    *,
    entry_id: str | None = None,
    policy: str | None = None,
    goal: str | None = None,
    level: float | None = None,
) -> dict[str, Any]:
    """Decisions taken again: whether an act may be done, and which act the loop wants.

    ``policy`` is the text of another policy, taken for signed; ``goal`` that of a goal file with
    other terms for the loop, ``level`` another one-sided bar to ship. Raises ``NotFoundError`` for
    an entry that is no decision.
    """
    other = None if policy is None else read_policy(policy, "the other policy")
    found = [
        *replay(audit, entry_id=entry_id, policy=other, signed=None if other is None else True),
        *replay_decisions(audit, entry_id=entry_id, other=_other_terms(goal, level)),
    ]
    if entry_id is not None and not found:
        raise NotFoundError(
            f"there is no decision {entry_id!r} in the audit log: `neonblue audit list` shows them"
        )
    found.sort(key=lambda one: (one.entry.logged_at, one.entry.writer, one.entry.sequence))
    return {
        "decisions": len(found),
        "same": sum(one.same for one in found),
        "replays": [_replayed(one) for one in found],
    }


def _other_terms(goal: str | None, level: float | None) -> ChangeTerms | None:
    if goal is None and level is None:
        return None
    if level is not None and not 0.0 < level < 1.0:
        raise InvalidInputError(f"level {level!r} is no error rate: give one like 0.0125")
    given = {} if goal is None else read_terms(goal, "the other goal")
    if level is not None:
        given["level"] = level
    return lambda terms: replace(terms, **given)


def _replayed(one: Replayed) -> dict[str, Any]:
    return {
        "entry_id": one.entry.entry_id,
        "event": one.entry.event,
        "kind": one.entry.details.get("act", {}).get("kind", "loop"),
        "experiment_id": one.entry.experiment_id,
        "logged": one.logged,
        "now": one.now,
        "same": one.same,
        "held_by": one.held_by,
        "reasons": [*one.reasons],
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
