"""Whether an experiment can be trusted, and why not."""

from datetime import UTC, datetime

from fastmcp.dependencies import Shared
from fastmcp.tools import ToolResult

from neonblue.tools.effect import records
from neonblue.workspace import Workspace, open_workspace


@records(title="Diagnose an experiment")
def diagnose_experiment(
    experiment_id: str,
    chart: bool = False,
    workspace: Workspace = Shared(open_workspace),
) -> ToolResult:
    """Say whether an experiment can be trusted and, if not, why: ranked causes with fixes.

    Use it when a verdict is invalid, a check warns, or before a decision is acted on. It finds
    where a sample ratio mismatch sits (segment, day, device, browser, SDK; assignment or capture
    side), units in several variants, groups that differed before, plan changes, stale or late
    data, outliers, metrics without variance, effects that fade with the days since exposure, and
    other experiments on the same units that interact. Each finding has the query that shows it.
    Where a finding tells outcomes by variant, the look is recorded.

    Args:
        experiment_id: From list_experiments, e.g. search_suggestions.
        chart: Add a picture of the split by day.
    """
    from neonblue.intelligence.diagnosis import diagnose
    from neonblue.intelligence.pictures import allocation_picture
    from neonblue.tools.results.content import charts, with_pictures
    from neonblue.tools.results.diagnosis_answer import diagnosis

    found = diagnose(workspace.store, experiment_id, now=datetime.now(UTC), actor="mcp")
    pictures = [allocation_picture(found.experiment, found.allocation)] if chart else []
    return with_pictures(diagnosis(found, charts(pictures, workspace.charts)), pictures)


TOOLS = (diagnose_experiment,)
