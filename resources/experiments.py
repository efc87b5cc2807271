"""The plan of one experiment, for reading."""

from fastmcp.dependencies import Shared
from fastmcp.resources import resource

from neonblue.resources.plan import Plan
from neonblue.workspace import Workspace, open_workspace


@resource("experiment://{experiment_id}", mime_type="application/json")
def experiment(experiment_id: str, workspace: Workspace = Shared(open_workspace)) -> str:
    """An experiment's plan: variants, metrics, alpha, planned units, status and version.

    Results are not here: call analyze_experiment_performance, which records the look.
    """
    plan = Plan.model_validate(workspace.store.experiments.get(experiment_id))
    return plan.model_dump_json(exclude_none=True)


RESOURCES = (experiment,)
