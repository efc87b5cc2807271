"""Read a file of JSON lines through the worker's own pipeline: events and change envelopes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neonblue.errors import InvalidInputError, NeonBlueError

if TYPE_CHECKING:
    from neonblue.jobs import Report
    from neonblue.workspace import Workspace

logger = logging.getLogger(__name__)

BATCH_LINES = 10_000
# ``dropped`` are of users who were forgotten.
COUNTED = ("messages", "events", "deletions", "definitions", "dead_letters", "dropped")


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """``path`` is absolute; ``name`` and ``first_line`` say where its lines stood.

    ``origin`` tells files of one name apart; it is the path unless another one is given. Journeys
    wait where ``index`` is false.
    """
    from neonblue.ingest.stream.record import read_lines
    from neonblue.ingest.stream.service import open_pipeline

    path = Path(arguments["path"])
    if not path.is_file():
        raise InvalidInputError(f"there is no file {str(path)!r}: give a file of JSON lines")
    name = arguments.get("name", path.name)
    pipeline = open_pipeline(
        workspace.store,
        source=name,
        models=workspace.model_files,
        kinds=workspace.event_kinds,
    )
    counts = dict.fromkeys(COUNTED, 0)
    with path.open("rb") as stream:
        first, origin = int(arguments.get("first_line", 0)), arguments.get("origin", str(path))
        for records in read_lines(stream, name, BATCH_LINES, first, origin):
            written = pipeline.write(pipeline.prepare(records))
            counts["messages"] += len(records)
            counts["events"] += written.events
            counts["deletions"] += written.deletions
            counts["definitions"] += written.definitions
            counts["dead_letters"] += len(written.dead_letters)
            counts["dropped"] += written.dropped
            report(counts["messages"], 0, "messages read")
    if arguments.get("index", True):
        return {**counts, **_index_journeys(workspace, report)}
    waiting = workspace.store.journey_marks.backlog().waiting
    return {**counts, "journeys_indexed": 0, "journeys_waiting": waiting}


def _index_journeys(workspace: Workspace, report: Report) -> dict[str, int]:
    """Make the journeys that changed searchable. Without an embedding model the events stay
    stored and the journeys wait, which is counted."""
    from neonblue.ingest.stream.journey_index import JourneyIndex
    from neonblue.ingest.stream.status import StatusBoard
    from neonblue.ingest.stream.telemetry import Telemetry

    store, done = workspace.store, 0
    board = StatusBoard(store, Telemetry())
    index = JourneyIndex(store, lambda: workspace.memory, board, kinds=workspace.event_kinds)
    try:
        while batch := index.catch_up():
            done += batch
            report(done, 0, "journeys made searchable")
    except NeonBlueError as error:
        logger.warning("journeys wait until they can be indexed (neonblue migrate): %s", error)
    return {"journeys_indexed": done, "journeys_waiting": store.journey_marks.backlog().waiting}
