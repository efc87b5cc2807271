"""What the authority answers: do it, a person has to agree first, or no."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from neonblue.optimization.acts import Act, Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """The act may be done now, once.

    ``entry_id`` names the entry of the audit log that allowed it, ``approval_id`` the approval
    that was used up for it, if one was needed. ``facts`` are what the policy looked at.
    """

    act: Act
    actor: Actor
    reason: str
    entry_id: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    approval_id: str | None = None
    approved_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingApproval:
    """A person has to agree; the request is stored. ``text`` says what waits and why,
    ``command`` is what a person runs."""

    act: Act
    approval_id: str
    reasons: tuple[str, ...]
    expires_at: datetime
    text: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """No, and no approval changes that. ``code`` is the first rule that says so."""

    act: Act
    code: str
    text: str


Permission = Allowed | PendingApproval | Refused
