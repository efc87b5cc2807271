"""Load a file in the process that owns the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neonblue.jobs import Report
from neonblue.workspace import Workspace

PUBLISH_SECONDS = 3.0


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Arguments are the fields of ``LoadPlan``, with paths absolute; the result a summary."""
    import msgspec

    from neonblue.ingest.files.load import load_file
    from neonblue.ingest.files.load_plan import LoadPlan

    plan = LoadPlan.from_arguments(arguments)
    result: dict[str, Any] = msgspec.to_builtins(load_file(workspace.store, plan, report))
    if plan.experiment_id:
        workspace.changes.publish(seconds=PUBLISH_SECONDS)
    return result
