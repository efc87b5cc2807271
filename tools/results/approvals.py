"""The answers of ``review_approvals`` and ``stop_all``."""

from typing import Any

from neonblue.tools.results.figure import Answer


class ApprovalRow(Answer):
    """One act that waits for a person, or was decided. ``command`` is what a person runs."""

    approval_id: str
    state: str
    kind: str
    experiment_id: str
    arguments: dict[str, Any]
    figures: dict[str, Any]
    reason: str
    asked_by: str
    approvers: list[str]
    expires_at: str
    approved_by: str | None
    command: str | None


class ApprovalReview(Answer):
    """Acts that wait for a person, and what was decided. ``halted`` says who stopped everything,
    null when nobody did."""

    summary: str
    next_step: str
    halted: str | None
    total: int
    approvals: list[ApprovalRow]


class Stopped(Answer):
    """The kill switch was thrown."""

    summary: str
    next_step: str


def row(found: dict[str, Any]) -> ApprovalRow:
    """A request as the report has it."""
    act = found["act"]
    waits = found["state"] == "waiting"
    return ApprovalRow(
        approval_id=found["approval_id"],
        state=found["state"],
        kind=act["kind"],
        experiment_id=act["experiment_id"],
        arguments=act["arguments"],
        figures=found["figures"],
        reason=found["reason"],
        asked_by=found["asked_by"],
        approvers=found["approvers"],
        expires_at=found["expires_at"],
        approved_by=found["approved_by"],
        command=f"neonblue approve {found['approval_id']}" if waits else None,
    )
