"""What the process that holds the data has open: for ``neonblue doctor``."""

from collections.abc import Mapping
from typing import Any

from neonblue.jobs import Report
from neonblue.workspace import Workspace


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Where the store is, its engine's version, and how many experiments it knows."""
    store = workspace.store
    report(0, 0, "asking the store")
    return {
        "store": store.database.name,
        "version": store.database.version(),
        "experiments": len(store.experiments.list()),
    }
