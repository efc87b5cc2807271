"""Job: evaluate flags where the data is, for a process that serves OFREP and does not own it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neonblue.jobs import Report
    from neonblue.workspace import Workspace


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """``key`` is the flag's, None for all; ``context`` has unit, properties and record."""
    from neonblue.optimization.flags import FlagContext, evaluate_all, evaluate_flag

    context = FlagContext(**arguments["context"])
    if arguments["key"] is None:
        found = evaluate_all(workspace.assigner, context)
    else:
        log = workspace.exposure_log if context.record else None
        found = evaluate_flag(workspace.assigner, arguments["key"], context, log)
    return {"status": found.status, "body": dict(found.body)}
