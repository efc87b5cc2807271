"""Which experiments there are, and how one of them is doing."""

from typing import Annotated, Literal

from fastmcp.dependencies import Shared
from pydantic import Field

from neonblue.intelligence.listing import list_page
from neonblue.tools.effect import reads
from neonblue.tools.results.listing import ExperimentList, listed
from neonblue.workspace import Workspace, open_workspace

Status = Literal["undefined", "draft", "running", "paused", "stopped", "rolled_out", "archived"]


@reads(title="List experiments")
def list_experiments(
    status: Status | None = None,
    text: str | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Field(ge=1, le=100)] = 25,
    workspace: Workspace = Shared(open_workspace),
) -> ExperimentList:
    """List experiments with their status and size, running ones first.

    Use it to find an experiment_id before any other tool. For meaning rather than words use
    semantic_experiment_search; for results use analyze_experiment_performance. `undefined` ones
    were seen in events but never defined.

    Args:
        status: Only this status, e.g. running.
        text: Only experiments whose id, name, description or hypothesis contains it.
        cursor: next_cursor of the page before.
        limit: How many, 1 to 100.
    """
    page = list_page(workspace.store, status=status, text=text, cursor=cursor, limit=limit)
    return listed(page)


TOOLS = (list_experiments,)
