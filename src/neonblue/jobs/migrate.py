"""Bring the schema up to date and the memory up to what ClickHouse has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neonblue.jobs import Report
from neonblue.workspace import Workspace


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """``reembed`` true: also embed documents of another model; ``journeys`` false: leave them.

    Stopped at any point, it goes on where it was the next time.
    """
    store = workspace.store  # opening it applies what the schema lacks
    counts = store.documents.fingerprints()
    embedded = workspace.memory.reembed(report) if arguments.get("reembed") else 0
    journeys = _journeys(workspace, report) if arguments.get("journeys", True) else 0
    return {
        "journeys_indexed": journeys,
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


def _journeys(workspace: Workspace, report: Report) -> int:
    """Index every unit's journey that is not yet; returns how many that were."""
    from neonblue.ingest.stream.journey_index import JourneyIndex
    from neonblue.ingest.stream.status import StatusBoard
    from neonblue.ingest.stream.telemetry import Telemetry

    store = workspace.store
    total, done = store.journey_marks.touch_all(), 0
    board = StatusBoard(store, Telemetry())
    index = JourneyIndex(store, lambda: workspace.memory, board, kinds=workspace.event_kinds)
    while batch := index.catch_up():
        done += batch
        report(done, max(total, done), f"journeys: {done:,} of {total:,} searchable")
    return done
