"""Define an experiment in the process that owns the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neonblue.jobs import Report
from neonblue.workspace import Workspace

PUBLISH_SECONDS = 3.0


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Arguments: ``text`` (TOML) and ``new_version``; the result is a ``Defined``."""
    import msgspec

    from neonblue.ingest.definitions.define import define
    from neonblue.ingest.definitions.definition_file import read_definition

    experiment = read_definition(arguments["text"])
    defined = define(
        workspace.store, experiment, new_version=bool(arguments.get("new_version", False))
    )
    workspace.changes.publish(seconds=PUBLISH_SECONDS)
    report(1.0, 1.0, "defined")
    result: dict[str, Any] = msgspec.to_builtins(defined)
    return result
