"""Where users drop out."""

from dataclasses import replace
from typing import Annotated

from fastmcp.dependencies import Shared
from fastmcp.tools import ToolResult
from pydantic import Field

from neonblue.tools.day import Day
from neonblue.tools.effect import records
from neonblue.workspace import Workspace, open_workspace


@records(title="Analyse a funnel")
def analyze_funnel(
    steps: Annotated[list[str], Field(min_length=2, max_length=12)],
    window_hours: Annotated[float, Field(gt=0, le=8760)] = 24,
    experiment_id: str | None = None,
    breakdown: str | None = None,
    since: Day | None = None,
    until: Day | None = None,
    workspace: Workspace = Shared(open_workspace),
) -> ToolResult:
    """Count how many users go through steps in order, and where they drop out.

    Use it to find the weakest step of a flow. Shares carry 95 % intervals, variants their
    differences from control. With an experiment only
    its exposed units count, from their first exposure. By variant, or through a step that one
    variant alone has, it is a recorded look; while the experiment runs before its planned units
    that is withheld: decide by analyze_experiment_performance.

    Args:
        steps: Event types in order, e.g. ["product_view", "purchase"]; see list_catalog.
        window_hours: Time from the first to the last step, 24 by default.
        experiment_id: From list_experiments.
        breakdown: "variant" (with an experiment) or an event property, e.g. device.
        since: Only events from then, e.g. 2026-01-31.
        until: Only events before then.
    """
    from neonblue.behavior.funnel import analyze, check
    from neonblue.query.catalog import check_steps
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
    check(steps, scope)
    check_steps(workspace.store, steps)
    _record_steps(workspace, experiment_id, steps)
    withheld = _withheld(workspace, experiment_id, breakdown)
    if withheld:
        scope = replace(scope, by="")
    funnels = analyze(workspace.store.funnels, steps, scope)
    control = ""
    if experiment_id and scope.by == "variant":
        control = workspace.store.experiments.get(experiment_id).control.variant_id
    return with_pictures(funnel_answer(funnels, scope, withheld=withheld, control=control))


def _withheld(workspace: Workspace, experiment_id: str | None, breakdown: str | None) -> str:
    """Why outcomes by variant may not be shown; '' where they may, and the look is recorded."""
    from neonblue.errors import ConflictError
    from neonblue.intelligence.look_gate import (
        pass_gate,
        tells_the_variant,
        told_apart,
    )

    if not breakdown:
        return ""
    store = workspace.store
    chosen = [store.experiments.get(experiment_id)] if experiment_id else told_apart(store)
    for experiment in chosen:
        if tells_the_variant(store, experiment, breakdown):
            try:
                pass_gate(store, experiment, f"a funnel by {breakdown}")
            except ConflictError as error:
                return str(error)
    return ""


def _record_steps(workspace: Workspace, experiment_id: str | None, steps: list[str]) -> None:
    """Record the look, or refuse it, where a step that one variant alone has tells the variant."""
    from neonblue.intelligence.look_gate import pass_gate, told_apart, told_by_steps

    store = workspace.store
    chosen = [store.experiments.get(experiment_id)] if experiment_id else told_apart(store)
    for experiment, step in told_by_steps(store, chosen, steps):
        pass_gate(store, experiment, f"a funnel through {step!r}, which one variant alone has,")


TOOLS = (analyze_funnel,)
