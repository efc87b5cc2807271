"""Job: the kill switch, thrown, looked at and lifted where the data is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neonblue.jobs import Report
from neonblue.workspace import Workspace


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """``do``: ``throw`` (with ``by`` and ``reason``), ``lift`` (with a signature), or nothing."""
    authority = workspace.authority
    lifted: list[str] = []
    if arguments.get("do") == "throw":
        authority.halt(by=str(arguments.get("by", "")), reason=str(arguments.get("reason", "")))
    elif arguments.get("do") == "lift":
        public_key, signature = str(arguments["public_key"]), str(arguments["signature"])
        halts = authority.lift(public_key=public_key, signature=signature)
        lifted = [halt.halt_id for halt in halts]
    thrown = authority.kill_switch.thrown(authority.approvers())
    return {
        "lifted": lifted,
        "halts": [
            {"halt_id": halt.halt_id, "by": halt.by, "reason": halt.reason, "at": halt.at}
            for halt in thrown
        ],
    }
