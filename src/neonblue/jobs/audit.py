"""Job: the audit log, listed, verified and replayed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neonblue.errors import InvalidInputError
from neonblue.jobs import Report
from neonblue.workspace import Workspace

MAX_LISTED = 1000


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """``do``: list (``event``, ``experiment_id``, ``limit``), verify, export or replay.

    Export reports each entry as ``(number, 0, line)``. Replay takes ``entry_id``, the texts
    ``policy`` and ``goal`` (other terms for the loop), and ``level`` (another bar to ship).
    """
    from neonblue.optimization.audit_report import shown_entries, shown_replays, verified
    from neonblue.stores.audit_copy import copy_line

    audit, do = workspace.authority.audit, arguments.get("do")
    if do == "verify":
        return verified(audit)
    if do == "list":
        limit = min(int(arguments.get("limit") or 50), MAX_LISTED)
        chosen = {name: arguments.get(name) for name in ("event", "experiment_id")}
        return {"entries": shown_entries(audit, limit=limit, **chosen)}
    if do == "replay":
        chosen = {name: arguments.get(name) for name in ("entry_id", "policy", "goal", "level")}
        return shown_replays(audit, **chosen)
    if do == "export":
        entries = audit.entries()
        for number, entry in enumerate(entries, start=1):
            report(number, 0, copy_line(entry))
        return {"entries": len(entries)}
    raise InvalidInputError(
        f"{do!r} cannot be done with the audit log: list, verify, export or replay"
    )
