"""Looks up the events of a metric catalogue in the process that owns the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neonblue.jobs import Report
from neonblue.workspace import Workspace


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Arguments: ``text`` (TOML). Result: each metric with what is said of its events."""
    from neonblue.query.metric_layer import read_catalogue

    metrics = read_catalogue(arguments["text"])
    counts = {one.name: one.events for one in workspace.store.catalog.event_types()}
    rows, unknown = [], 0
    for metric in metrics:
        definition = metric.definition
        wanted = [definition.event_type, definition.denominator_event_type]
        absent = [name for name in wanted if name is not None and name not in counts]
        unknown += bool(absent)
        said = (
            f"no event is a {absent[0]!r}"
            if absent
            else f"{counts[definition.event_type]:,} events"
        )
        row = {"name": definition.name, "kind": definition.kind, "said": said}
        rows.append(row | {"event_type": definition.event_type})
    report(1.0, 1.0, "checked")
    return {"metrics": rows, "unknown": unknown}
