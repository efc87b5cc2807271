"""Where users drop out."""

from datetime import datetime
from typing import Annotated

from fastmcp.dependencies import Shared
from fastmcp.tools import ToolResult
from pydantic import Field

from neonblue.tools.effect import reads
from neonblue.workspace import Workspace, open_workspace


@reads(title="Analyse a funnel")
def analyze_funnel(
    steps: Annotated[list[str], Field(min_length=2, max_length=12)],
    window_hours: Annotated[float, Field(gt=0, le=8760)] = 24,
    experiment_id: str | None = None,
    breakdown: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    workspace: Workspace = Shared(open_workspace),
) -> ToolResult:
    """Count how many users go through steps in order, and where they drop out.

    Use it to find the weakest step of a flow. Shares carry 95 % intervals. With an experiment only
    its exposed units count, from their first exposure; differences between variants here are
    descriptive, without intervals while it runs: decide by analyze_experiment_performance.

    Args:
        steps: Event types in order, e.g. ["product_view", "add_to_cart", "purchase"].
        window_hours: Time from the first to the last step, 24 by default.
        experiment_id: From list_experiments.
        breakdown: "variant" (with an experiment) or an event property, e.g. device.
        since: Only events from then, e.g. 2026-01-31T00:00:00Z.
        until: Only events before then.
    """
    from neonblue.behavior.funnel import analyze
    from neonblue.intelligence.ledger import waits_for_the_plan
    from neonblue.stores.funnels import FunnelScope
    from neonblue.tools.results.content import with_pictures
    from neonblue.tools.results.funnel import funnel_answer

    scope = FunnelScope(
        window_seconds=round(window_hours * 3600),
        experiment_id=experiment_id or "",
        since=since,
        until=until,
        by=breakdown or "",
    )
    peeking = False
    if experiment_id:
        experiment = workspace.store.experiments.get(experiment_id)
        peeking = breakdown == "variant" and waits_for_the_plan(workspace.store, experiment)
    funnels = analyze(workspace.store.funnels, steps, scope)
    return with_pictures(funnel_answer(funnels, scope, peeking=peeking))


TOOLS = (analyze_funnel,)
