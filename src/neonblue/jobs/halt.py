"""Job: the kill switch, thrown, looked at and lifted where the data is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neonblue.jobs import Report
from neonblue.workspace import Workspace

PUBLISH_SECONDS = 3.0


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """``do``: ``throw`` (with ``by`` and ``reason``), ``lift`` (with a signature), or nothing.

    ``pause`` with ``throw``: what runs and was started here, too.
    """
    authority = workspace.authority
    lifted: list[str] = []
    paused: dict[str, Any] = {}
    if arguments.get("do") == "throw":
        by, reason = str(arguments.get("by", "")), str(arguments.get("reason", ""))
        authority.halt(by=by, reason=reason)
        paused = _paused(workspace, by, reason) if arguments.get("pause") else {}
    elif arguments.get("do") == "lift":
        public_key, signature = str(arguments["public_key"]), str(arguments["signature"])
        halts = authority.lift(public_key=public_key, signature=signature)
        lifted = [halt.halt_id for halt in halts]
    thrown = authority.kill_switch.thrown(authority.approvers())
    return {
        "lifted": lifted,
        **paused,
        "halts": [
            {"halt_id": halt.halt_id, "by": halt.by, "reason": halt.reason, "at": halt.at}
            for halt in thrown
        ],
    }


def _paused(workspace: Workspace, by: str, reason: str) -> dict[str, Any]:
    from neonblue.optimization.acts import Actor
    from neonblue.optimization.pausing import pause_running

    actor = Actor(kind="person", name=by)
    said = f"stop-all: {reason}" if reason else "stop-all"
    done = pause_running(workspace.store, workspace.authority, actor=actor, reason=said)
    workspace.changes.publish(seconds=PUBLISH_SECONDS)
    return {"paused": [*done.paused], "not_paused": done.faults}
