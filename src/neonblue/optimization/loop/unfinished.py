"""Acts that were allowed and cut short: the audit log is told what became of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from neonblue.optimization.acts import Act, Actor
from neonblue.optimization.permission import Allowed

if TYPE_CHECKING:
    from neonblue.optimization.authority import Authority
    from neonblue.stores import Store
    from neonblue.stores.audit_entries import AuditEntry


def settle(store: Store, authority: Authority, actor: Actor) -> int:
    """Log the end of each act that ``actor`` was allowed and did not log; how many there were.

    Done where the experiment's next step is the actor's own, failed where somebody else was
    faster. Where nothing happened the act is still to be done, and nothing is logged.
    """
    count = 0
    for entry in _open(authority, actor):
        act = Act(**entry.details["act"])
        following = store.experiment_history.of(act.experiment_id, after=act.state_version, limit=1)
        if not following:
            continue
        change = following[0]
        own = (
            change.action == act.kind
            and change.actor == str(actor)
            and not _is_done(authority, act)
        )
        allowed = Allowed(
            act=act,
            actor=actor,
            reason="",
            entry_id=entry.entry_id,
            facts=entry.details.get("facts", {}),
        )
        reason = change.reason if own else f"{change.action!r} by {change.actor!r} came first"
        authority.record(allowed, "done" if own else "failed", {"reason": reason})
        count += 1
    return count


def _is_done(authority: Authority, act: Act) -> bool:
    """Whether the act was logged as done: of two who were allowed it, one did it."""
    done = authority.audit.entries("done", experiment_id=act.experiment_id)
    return any(entry.details["digest"] == act.digest() for entry in done)


def _open(authority: Authority, actor: Actor) -> Iterator[AuditEntry]:
    ended = {
        entry.details.get("allowed")
        for event in ("done", "failed")
        for entry in authority.audit.entries(event)
    }
    for entry in authority.audit.entries("allowed"):
        if entry.actor == str(actor) and entry.entry_id not in ended:
            yield entry
