"""Past decisions judged again from the audit log alone: as they were, or under another policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from neonblue.errors import ConflictError
from neonblue.optimization import facts as fact_gathering
from neonblue.optimization.acts import Act
from neonblue.optimization.policy import Policy
from neonblue.optimization.policy_rules import Judgement, judge

if TYPE_CHECKING:
    from neonblue.optimization.audit import AuditLog
    from neonblue.stores.audit_entries import AuditEntry

DECISIONS = ("asked", "allowed", "refused")
BEFORE_POLICY = frozenset(
    {"stale_policy", "stale_state", "halted", "audit_broken", "used", "max_pending"}
)
"""Refusals that no policy has a say in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A decision as logged and as judged again. ``held_by`` names a reason that comes before any
    policy; then nothing is judged."""

    entry: AuditEntry
    logged: str
    now: str
    reasons: tuple[str, ...]
    same: bool
    held_by: str = ""


def replay(
    audit: AuditLog,
    *,
    entry_id: str | None = None,
    policy: Policy | None = None,
    signed: bool | None = None,
) -> list[Replayed]:
    """Every decision, or one, judged again; under its own policy, or under ``policy``.

    ``signed``: take the policy for signed or not; as it was by default. Raises ``ConflictError``
    when the policy of an entry is not in the log.
    """
    policies = dict(_policies(audit))
    return [
        _replayed(entry, policies, policy, signed)
        for entry in audit.entries()
        if entry.event in DECISIONS and entry_id in (None, entry.entry_id)
    ]


def _policies(audit: AuditLog) -> Iterator[tuple[str, Policy]]:
    yield "", Policy()
    for entry in audit.entries("policy"):
        details = entry.details
        try:
            yield details["version"], Policy.model_validate(details["policy"])
        except ValidationError as error:
            raise ConflictError(
                f"the policy in {entry.entry_id!r} is not one that this version knows: replay with "
                "the version that wrote it"
            ) from error


def _replayed(
    entry: AuditEntry, policies: Mapping[str, Policy], other: Policy | None, signed: bool | None
) -> Replayed:
    details = entry.details
    codes = [code for code, _ in details["reasons"]]
    if codes and codes[0] in BEFORE_POLICY:
        return Replayed(
            entry=entry,
            logged=details["answer"],
            now=details["answer"],
            reasons=tuple(text for _, text in details["reasons"]),
            same=True,
            held_by=codes[0],
        )
    policy = other or policies.get(details["policy"])
    if policy is None:
        raise ConflictError(
            f"the policy of {entry.entry_id!r} is not in the log: run `neonblue audit verify`"
        )
    was_signed = bool(details["signed"]) if signed is None else signed
    judged = judge(
        policy, Act(**details["act"]), fact_gathering.read(details["facts"]), signed=was_signed
    )
    return Replayed(
        entry=entry,
        logged=details["answer"],
        now=judged.answer,
        reasons=tuple(reason.text for reason in judged.reasons),
        same=_is_same(details, judged),
    )


def _is_same(details: Mapping[str, Any], judged: Judgement) -> bool:
    reasons = [[reason.code, reason.text] for reason in judged.reasons]
    return bool(details["answer"] == judged.answer and details["reasons"] == reasons)
