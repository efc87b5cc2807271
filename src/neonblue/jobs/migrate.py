"""Bring the schema up to date and, if asked, embed every document again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neonblue.jobs import Report
from neonblue.workspace import Workspace


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """``reembed`` true: also embed documents of another model; stopped, it goes on next time."""
    store = workspace.store  # opening it applies what the schema lacks
    counts = store.documents.fingerprints()
    embedded = workspace.memory.reembed(report) if arguments.get("reembed") else 0
    return {
        "database": store.database.name,
        "documents": {name: sum(models.values()) for name, models in counts.items()},
        "embedding": workspace.embedder.fingerprint,
        "embedded_again": embedded,
        "of_another_model": sum(
            count
            for models in store.documents.fingerprints().values()
            for model, count in models.items()
            if model != workspace.embedder.fingerprint
        ),
    }
