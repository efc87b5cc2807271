"""What to change about an experiment now."""

from datetime import UTC, datetime

from fastmcp.dependencies import Shared

from neonblue.tools.effect import records
from neonblue.tools.results.ongoing import OngoingChange, OngoingChanges
from neonblue.workspace import Workspace, open_workspace


@records(title="Optimize an ongoing experiment")
def optimize_ongoing_experiment(
    experiment_id: str, workspace: Workspace = Shared(open_workspace)
) -> OngoingChanges:
    """Say which changes to make to an experiment now, each with the tool call that makes it.

    Weighs health, verdict, segments, traffic, diagnosis and similar experiments. Changes nothing;
    one look is recorded.

    Args:
        experiment_id: From list_experiments.
    """
    from neonblue.optimization.ongoing import advise
    from neonblue.tools.results.design_answer import plan_as_argument
    from neonblue.tools.results.recommendation_answer import similar_one

    workspace.learner.catch_up()
    found = advise(
        workspace.store, workspace.memory, experiment_id, now=datetime.now(UTC), actor="mcp"
    )
    first = found.changes[0].change if found.changes else "nothing to change now"
    return OngoingChanges(
        experiment_id=found.experiment.experiment_id,
        summary=first,
        status=found.experiment.status,
        state_version=found.state_version,
        decision=found.decision,
        units=found.units,
        failed_checks=list(found.failed_checks),
        findings=list(found.findings),
        segments_read=list(found.segments_read),
        changes=[
            OngoingChange(
                change=one.change,
                detail=one.why,
                source=one.source,
                urgency=one.urgency,
                tool=one.tool,
                arguments=dict(one.arguments)
                if one.plan is None
                else {"plan": plan_as_argument(one.plan)},
            )
            for one in found.changes
        ],
        similar=[similar_one(one) for one in found.similar],
    )


TOOLS = (optimize_ongoing_experiment,)
