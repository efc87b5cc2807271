"""Which experiments there are, and how one of them is doing."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastmcp.dependencies import Shared
from fastmcp.tools import ToolResult
from pydantic import Field

from neonblue.models import ExperimentStatus
from neonblue.tools.effect import reads, records
from neonblue.tools.results.content import with_pictures
from neonblue.tools.results.listing import ExperimentList, listed
from neonblue.workspace import Workspace, open_workspace


@reads(title="List experiments")
def list_experiments(
    status: ExperimentStatus | None = None,
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
    from neonblue.intelligence.listing import list_page

    page = list_page(workspace.store, status=status, text=text, cursor=cursor, limit=limit)
    return listed(page)


@records(title="Analyse an experiment")
def analyze_experiment_performance(
    experiment_id: str,
    metrics: list[str] | None = None,
    segment_by: str | None = None,
    detail: Literal["concise", "full"] = "concise",
    chart: Literal["none", "sequence", "forest", "allocation"] = "none",
    workspace: Workspace = Shared(open_workspace),
) -> ToolResult:
    """Say how an experiment is doing: verdict, validity, effects with intervals.

    Use it for any question about results. When validity is invalid, effects are withheld: call
    diagnose_experiment. Safe to call often: ci_lower, ci_upper and p_value hold at every look,
    and each look is recorded. fixed_horizon stays null until the planned units have come or a
    declared end; nothing brings it back. Lifts are fractions (0.05 is +5 %), times UTC.

    Args:
        experiment_id: From list_experiments, e.g. checkout_one_page.
        metrics: Show only these; the verdict always weighs all.
        segment_by: Exposure property to break down by, e.g. country. Exploratory.
        detail: full adds effects by days since exposure, earlier looks, more segments.
        chart: Add a picture: the effect over time, by segment, or the split by day.
    """
    from neonblue.intelligence.analysis import analyze
    from neonblue.intelligence.context import context_of
    from neonblue.intelligence.ledger import past_looks
    from neonblue.intelligence.pictures import draw, refuse_chart
    from neonblue.tools.results.performance_answer import performance

    refuse_chart(chart, segment_by)
    analysis = analyze(
        workspace.store,
        experiment_id,
        now=datetime.now(UTC),
        segment_by=segment_by,
        by_days=detail == "full",
        actor="mcp",
        asked=metrics,
    )
    context = context_of(lambda: workspace.learner.memory, analysis)
    full = detail == "full"
    looks = past_looks(workspace.store, analysis) if full else ()
    answer = performance(analysis, context, metrics=metrics, full=full, looks=looks)
    return with_pictures(answer, draw(workspace.store, analysis, chart))


TOOLS = (list_experiments, analyze_experiment_performance)
