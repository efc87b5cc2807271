"""How the stream of events is doing, for reading."""

from dataclasses import asdict
from typing import Any

from fastmcp.dependencies import Shared
from fastmcp.resources import resource
from pydantic import TypeAdapter

from neonblue.ingest.stream.report import ingest_report
from neonblue.workspace import Workspace, open_workspace

ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)


@resource("ingest://status", mime_type="application/json")
def ingest_status(workspace: Workspace = Shared(open_workspace)) -> str:
    """Ingest workers with their lag, journeys waiting to be indexed, dead letters by reason."""
    report = ingest_report(workspace.store)
    return ANYTHING.dump_json({"live_workers": report.live, **asdict(report)}).decode()


RESOURCES = (ingest_status,)
