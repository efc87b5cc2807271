"""What the loop decided and what it looked at: kept in the audit log, and decided again from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from neonblue.errors import ConflictError
from neonblue.optimization.loop.rules import LoopTerms, Next, NextAct, Wait, next_act
from neonblue.optimization.loop.situation import Situation
from neonblue.optimization.replay import Replayed

if TYPE_CHECKING:
    from neonblue.optimization.acts import Actor
    from neonblue.optimization.audit import AuditLog
    from neonblue.stores.audit_entries import AuditEntry

ChangeTerms = Callable[[LoopTerms], LoopTerms]


def keep_decision(
    audit: AuditLog,
    actor: Actor,
    seen: Situation,
    terms: LoopTerms,
    found: Next,
    *,
    look: int | None,
) -> None:
    """Log one decision with its situation and terms; nothing where the last one was the same.

    ``look`` is the number of the recorded look that the situation was read at.
    """
    import msgspec

    content = {
        "situation": msgspec.to_builtins(seen),
        "terms": msgspec.to_builtins(terms),
        "look": look,
        "decided": _plain(found),
    }
    before = audit.entries("decided", experiment_id=seen.experiment_id)
    if before and _same(before[-1].details, content):
        return
    audit.append("decided", actor=str(actor), experiment_id=seen.experiment_id, content=content)


def replay_decisions(
    audit: AuditLog, *, entry_id: str | None = None, other: ChangeTerms | None = None
) -> list[Replayed]:
    """Every decision of the loop, or one, taken again from its entry alone.

    ``other`` gives the terms to decide by instead of the ones that held. Raises ``ConflictError``
    for an entry that this version cannot read.
    """
    return [
        _replayed(entry, other)
        for entry in audit.entries("decided")
        if entry_id in (None, entry.entry_id)
    ]


def situation_of(entry: AuditEntry) -> tuple[Situation, LoopTerms]:
    """What a decision looked at, and the terms that held. Raises ``ConflictError``."""
    import msgspec

    details = entry.details
    try:
        return (
            msgspec.convert(details["situation"], type=Situation),
            msgspec.convert(details["terms"], type=LoopTerms),
        )
    except (KeyError, msgspec.ValidationError) as error:
        raise ConflictError(
            f"the decision in {entry.entry_id!r} is not one that this version knows ({error}): "
            "replay with the version that wrote it"
        ) from error


def _replayed(entry: AuditEntry, other: ChangeTerms | None) -> Replayed:
    seen, terms = situation_of(entry)
    now = _plain(next_act(seen, terms if other is None else other(terms)))
    logged = entry.details["decided"]
    return Replayed(
        entry=entry,
        logged=_words(logged),
        now=_words(now),
        reasons=(str(now["reason"]),),
        same=now == logged,
    )


def _same(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether nothing new was decided about the same state."""
    version = now["situation"]["state_version"]
    return bool(
        before["decided"] == now["decided"] and before["situation"]["state_version"] == version
    )


def _plain(found: Next) -> dict[str, Any]:
    match found:
        case NextAct():
            arguments = {
                name: list(value) if isinstance(value, tuple) else value
                for name, value in found.arguments.items()
            }
            return {"do": found.kind, "reason": found.reason, "arguments": arguments}
        case Wait():
            return {"do": "end" if found.ended else "wait", "reason": found.reason}


def _words(decided: Mapping[str, Any]) -> str:
    """The act and its arguments in one line."""
    arguments = decided.get("arguments") or {}
    return " ".join([str(decided["do"]), *(str(value) for value in arguments.values())])
