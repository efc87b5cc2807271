"""Job: the registry of approvers, read, and continued by signed entries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neonblue.errors import ConflictError
from neonblue.jobs import Report
from neonblue.workspace import Workspace


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """``entries`` to add, each signed by a key that is there; without any it only reads."""
    from neonblue.optimization.approvers import replay, write_approvers

    authority = workspace.authority
    known = authority.approvers()
    added = [*arguments.get("entries", ())]
    if added:
        if known.fault:
            raise ConflictError(f"{known.fault}: nobody can be added")
        found = replay((*known.entries, *added))
        if found.fault:
            raise ConflictError(f"{found.fault}: nobody was added")
        write_approvers(authority.files.approvers, found.entries)
        known = authority.approvers()
    return {
        "fault": known.fault,
        "entries": [dict(entry) for entry in known.entries],
        "keys": [
            {
                "name": key.name,
                "method": key.method,
                "public_key": key.public_key,
                "added_at": key.added_at,
            }
            for key in known.keys
        ],
    }
