"""Compare recent users with those that the models in use were trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neonblue.jobs import Report
from neonblue.workspace import Workspace


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """No arguments; the result has a stability index and a verdict for each model."""
    from neonblue.behavior.model_drift import check_drift

    return check_drift(workspace.store.sessions, workspace.model_files, workspace.event_kinds())
