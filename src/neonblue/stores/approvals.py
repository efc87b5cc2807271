"""Acts that wait for a person, and what became of them. Rows are only ever appended.

A row says nothing that has to be believed: who may act is decided by signatures over the act's
digest, and whether it was used by the claim of its id and by the audit log.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from neonblue.stores.database import Database

StepKind = Literal["granted", "denied", "code", "wrong_code"]
COLUMNS = (
    "approval_id",
    "digest",
    "act",
    "figures",
    "reason",
    "actor",
    "approvers",
    "requested_at",
    "expires_at",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRequest:
    """An act as somebody asked for it. ``act`` and ``figures`` are canonical JSON.

    ``approvers`` names who may agree; empty for anyone who is registered.
    """

    approval_id: str
    digest: str
    act: str
    figures: str
    reason: str
    actor: str
    approvers: tuple[str, ...]
    requested_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalStep:
    """What happened to a request: granted, denied, a code left for it, a wrong code given."""

    approval_id: str
    step: StepKind
    content: Mapping[str, Any]
    taken_at: datetime


class Approvals:
    """Requests and steps, append-only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def request(self, request: ApprovalRequest) -> ApprovalRequest:
        """Keep a request and return the one that is kept: of two with one id, the first."""
        values = [getattr(request, name) for name in COLUMNS]
        values[COLUMNS.index("approvers")] = list(request.approvers)
        self._database.insert_rows("approvals", list(COLUMNS), [values], once=request.approval_id)
        return self.find(request.approval_id) or request

    def find(self, approval_id: str) -> ApprovalRequest | None:
        """The request of that id, the earliest if there were several, or None."""
        found = self._requests("WHERE approval_id = {value:String}", approval_id)
        return found[0] if found else None

    def of_digest(self, digest: str) -> list[ApprovalRequest]:
        """Every request for exactly this act, oldest first."""
        return self._requests("WHERE digest = {value:String}", digest)

    def all(self) -> list[ApprovalRequest]:
        """Every request, oldest first."""
        return self._requests("WHERE {value:String} = ''", "")

    def add_step(
        self, approval_id: str, step: StepKind, content: Mapping[str, Any], taken_at: datetime
    ) -> None:
        """Append what happened to a request."""
        self._database.insert_rows(
            "approval_steps",
            ["approval_id", "step", "content", "taken_at"],
            [[approval_id, step, json.dumps(dict(content)), taken_at]],
        )

    def steps(self, approval_id: str | None = None) -> list[ApprovalStep]:
        """What happened to one request, or to all, oldest first."""
        rows = self._database.rows(
            """
            SELECT approval_id, step, content, taken_at FROM approval_steps
            WHERE {id:String} = '' OR approval_id = {id:String} ORDER BY taken_at
            """,
            {"id": approval_id or ""},
        )
        return [
            ApprovalStep(approval_id=name, step=step, content=_read(content), taken_at=taken_at)
            for name, step, content, taken_at in rows
        ]

    def _requests(self, where: str, value: str) -> list[ApprovalRequest]:
        rows = self._database.rows(
            f"SELECT DISTINCT {', '.join(COLUMNS)} FROM approvals {where} "
            "ORDER BY requested_at, approval_id LIMIT 1 BY approval_id",
            {"value": value},
            own=("reason",),
        )
        return [_request(row) for row in rows]


def _request(row: Sequence[Any]) -> ApprovalRequest:
    named = dict(zip(COLUMNS, row, strict=True))
    return ApprovalRequest(**{**named, "approvers": tuple(named["approvers"])})


def _read(content: str) -> dict[str, Any]:
    """What a row holds; one that is no JSON object holds nothing that could be used."""
    try:
        read = json.loads(content)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
