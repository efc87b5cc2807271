"""Job: the policy that holds now, as the process that owns the data sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neonblue.jobs import Report
from neonblue.workspace import Workspace


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """What it says, whether it is signed, and the serial that the next signature needs."""
    authority = workspace.authority
    in_force = authority.policy()
    serials = [int(entry.details["serial"]) for entry in authority.audit.entries("policy")]
    return {**in_force.record(), "next_serial": max(serials, default=0) + 1}
