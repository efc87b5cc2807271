"""Read a file of JSON lines through the worker's own pipeline: events and change envelopes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neonblue.errors import InvalidInputError

if TYPE_CHECKING:
    from neonblue.jobs import Report
    from neonblue.workspace import Workspace

BATCH_LINES = 10_000
# ``dropped`` are of users who were forgotten.
COUNTED = ("messages", "events", "deletions", "definitions", "dead_letters", "dropped")


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """``path`` is absolute; ``name`` and ``first_line`` say where its lines stood.

    ``origin`` tells files of one name apart; it is the path unless another one is given.
    """
    from neonblue.ingest.record import read_lines
    from neonblue.ingest.service import open_pipeline

    path = Path(arguments["path"])
    if not path.is_file():
        raise InvalidInputError(f"there is no file {str(path)!r}: give a file of JSON lines")
    name = arguments.get("name", path.name)
    pipeline = open_pipeline(workspace.store, source=name, models=workspace.model_files)
    counts = dict.fromkeys(COUNTED, 0)
    with path.open("rb") as stream:
        first, origin = int(arguments.get("first_line", 0)), arguments.get("origin", str(path))
        for records in read_lines(stream, name, BATCH_LINES, first, origin):
            written = pipeline.write(pipeline.prepare(records))
            counts["messages"] += len(records)
            counts["events"] += written.events
            counts["deletions"] += written.deletions
            counts["definitions"] += written.definitions
            counts["dead_letters"] += len(written.letters)
            counts["dropped"] += written.dropped
            report(counts["messages"], 0, "messages read")
    return counts
