"""Which experiments there are, and how one of them is doing."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastmcp.dependencies import Shared
from fastmcp.tools import ToolResult
from pydantic import Field

from neonblue.models import ExperimentStatus
from neonblue.tools.day import Day
from neonblue.tools.effect import reads, records
from neonblue.workspace import Workspace, open_workspace

Chart = Literal["none", "sequence", "forest", "allocation", "daily", "cumulative"]


@reads(title="List experiments")
def list_experiments(
    status: ExperimentStatus | None = None,
    text: str | None = None,
    validity: Literal["valid", "warning", "invalid", "unknown"] | None = None,
    decision: str | None = None,
    ended_since: Day | None = None,
    ended_until: Day | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Field(ge=1, le=100)] = 20,
    workspace: Workspace = Shared(open_workspace),
) -> ToolResult:
    """List experiments, running first, each with its last verdict, validity and primary effect.

    Use it to find an experiment_id, or for all at once: what is broken and why, what ended, what
    to decide. Verdicts are of the newest recorded look. For meaning use
    semantic_experiment_search; to look again, analyze_experiment_performance.

    Args:
        status: Only this status, e.g. running; undefined ones were seen but never defined.
        text: Words of the id, name, description or hypothesis.
        validity: Only these; unknown where nobody has looked.
        decision: Only this verdict, e.g. ship.
        ended_since: Ended on this day or later, e.g. 2026-10-01.
        ended_until: Ended before this day.
        cursor: next_cursor of the page before.
        limit: How many, 1 to 100.
    """
    from neonblue.intelligence.listing import Wanted, list_page
    from neonblue.tools.results.content import with_pictures
    from neonblue.tools.results.listing import listed

    wanted = Wanted(
        status=status,
        text=text or "",
        validity=validity,
        decision=decision,
        ended_since=ended_since,
        ended_until=ended_until,
    )
    page = list_page(workspace.store, wanted, cursor=cursor, limit=limit)
    return with_pictures(listed(page, datetime.now(UTC)), concise=True)


@records(title="Analyse an experiment")
def analyze_experiment_performance(
    experiment_id: str,
    metrics: list[str] | None = None,
    segment_by: str | None = None,
    detail: Literal["concise", "full", "report"] = "concise",
    chart: Chart = "none",
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
        detail: full adds effects by days since exposure, earlier looks, passing checks, nulls;
            report a page of Markdown to forward.
        chart: Add a picture: the effect over time (of the first of metrics), by segment, the
            split, or means by day or so far.
    """
    from neonblue.intelligence.analysis import analyze
    from neonblue.intelligence.context import context_of
    from neonblue.intelligence.ledger import past_looks
    from neonblue.intelligence.pictures import pictures_of, refuse_chart
    from neonblue.intelligence.report import report
    from neonblue.tools.results.content import charts, with_pictures
    from neonblue.tools.results.performance_answer import performance

    refuse_chart(chart, segment_by)
    full, page = detail == "full", detail == "report"
    analysis = analyze(
        workspace.store,
        experiment_id,
        now=datetime.now(UTC),
        segment_by=segment_by,
        by_days=full,
        actor="mcp",
        asked=metrics,
    )
    context = context_of(lambda: workspace.learner.memory, analysis)
    pictures = pictures_of(workspace.store, analysis, chart, metrics=metrics, whole=page)
    drawn = charts(pictures, workspace.charts)
    addresses = [(one.detail, one.uri) for one in drawn if one.uri]
    answer = performance(
        analysis,
        context,
        metrics=metrics,
        full=full,
        looks=past_looks(workspace.store, analysis) if full else (),
        drawn=drawn,
        page=report(analysis, addresses) if page else None,
    )
    return with_pictures(answer, pictures, concise=not full)


TOOLS = (list_experiments, analyze_experiment_performance)
