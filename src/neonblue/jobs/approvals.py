"""Job: requests for a person's approval, listed, shown, granted, denied, given a code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neonblue.errors import InvalidInputError
from neonblue.jobs import Report
from neonblue.workspace import Workspace


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """``do``: list, show, grant, deny or code; ``approval_id`` for all but list. ``grant`` and
    ``code`` bring a signature; whether it counts is decided here."""
    from neonblue.optimization.approval_desk import Grant
    from neonblue.optimization.approval_report import describe, listed

    authority, do = workspace.authority, arguments.get("do")
    if do == "list":
        return {"approvals": listed(authority)}
    approval_id = str(arguments.get("approval_id", ""))
    if do == "show":
        return describe(workspace.store, authority, approval_id)
    if do == "deny":
        authority.deny(approval_id, actor=str(arguments.get("by") or "a person"))
        return {"denied": approval_id}
    if do not in ("grant", "code"):
        raise InvalidInputError(f"{do!r} cannot be done with approvals: list, show, grant or deny")
    grant = Grant(**{name: str(value) for name, value in arguments["grant"].items()})
    if do == "grant":
        return {"approved_by": authority.grant(grant).name}
    return {"left_by": workspace.codes.leave(grant, str(arguments["code_digest"])).name}
