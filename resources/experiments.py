"""The plan of one experiment, for reading."""

from fastmcp.dependencies import Shared
from fastmcp.resources import resource

from neonblue.resources.plan import Plan, PlanWithHistory, Step
from neonblue.stores.experiment_history import Change
from neonblue.workspace import Workspace, open_workspace

SHOWN_STEPS = 50


@resource("experiment://{experiment_id}", mime_type="application/json")
def experiment(experiment_id: str, workspace: Workspace = Shared(open_workspace)) -> str:
    """An experiment's plan, status and state_version, and its history: who did what, when, why.

    Results are not here: call analyze_experiment_performance, which records the look.
    """
    plan = workspace.store.experiments.get(experiment_id)
    steps = workspace.store.experiment_history.of(experiment_id)
    shown = PlanWithHistory.model_validate(
        {
            **{name: getattr(plan, name) for name in Plan.model_fields},
            "state_version": steps[-1].state_version,
            "history": [_step(step) for step in steps[-SHOWN_STEPS:]],
        }
    )
    return shown.model_dump_json(exclude_none=True)


def _step(change: Change) -> Step:
    return Step(
        state_version=change.state_version,
        action=change.action,
        status=change.experiment.status,
        plan_version=change.experiment.version,
        plan_changed=change.plan_changed,
        source=change.source,
        actor=change.actor,
        reason=change.reason,
        recorded_at=change.recorded_at,
    )


RESOURCES = (experiment,)
