"""Experiments are created and moved along their life."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastmcp.dependencies import Shared
from pydantic import Field

from neonblue.tools.effect import writes
from neonblue.tools.plan_argument import Plan, experiment_of
from neonblue.tools.results.change import ChangedExperiment, CreatedExperiment, LaunchCheck
from neonblue.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from neonblue.optimization.changing import ChangeOutcome
    from neonblue.optimization.creation import Created

PUBLISH_SECONDS = 3.0
Action = Literal[
    "start",
    "pause",
    "resume",
    "stop",
    "conclude",
    "roll_out",
    "roll_back",
    "archive",
    "set_weights",
]


@writes(title="Create an experiment", idempotent=True)
def create_experiment(
    plan: Plan,
    expected_version: int | None = None,
    workspace: Workspace = Shared(open_workspace),
) -> CreatedExperiment:
    """Store a plan as a draft, after checks: metrics have events, covariates, traffic, overlap.

    Take the plan of design_experiment, or write one: one control, a primary metric, guardrails
    with margins, circuit_breakers, planned_sample_size. Nothing runs until change_experiment with
    start. A draft may be replaced by calling this again with its experiment_id. When a check
    fails nothing is stored.

    Args:
        plan: The whole plan; weights are shares that sum to 1.
        expected_version: state_version of the draft that this replaces, to notice other writers.
    """
    from neonblue.optimization.creation import create

    created = create(
        workspace.store, experiment_of(plan), actor="agent", expected_version=expected_version
    )
    return _created(workspace, created)


@writes(title="Change an experiment", destructive=True, idempotent=True)
def change_experiment(
    experiment_id: str,
    action: Action,
    reason: Annotated[str, Field(max_length=2000)] = "",
    weights: dict[str, float] | None = None,
    roll_out_fraction: Annotated[float, Field(gt=0, le=1)] | None = None,
    winner: str | None = None,
    expected_version: int | None = None,
    workspace: Workspace = Shared(open_workspace),
) -> ChangedExperiment:
    """Move an experiment along its life: start, pause, resume, stop, conclude, roll out, …

    draft → running ⇄ paused → concluded → rolled_out or rolled_back → archived; stop ends without
    a decision. conclude takes the verdict that holds at every look, and is refused while that is
    open. Where policy asks for a person the request is stored and the answer is pending_approval
    with a command for that person: nothing was done, call again after.

    Args:
        experiment_id: From list_experiments.
        action: What to do.
        reason: Why, for the history.
        weights: For set_weights: share of new units by variant, e.g. {"control": 0.5, "b": 0.5}.
        roll_out_fraction: For roll_out: share of all units on the winner after this step, e.g. 0.1.
        winner: For roll_out, to be sure which: the concluded one.
        expected_version: The state_version you decided upon; a newer state refuses the change.
    """
    from neonblue.experiments.moves import MoveRequest
    from neonblue.optimization.acts import Actor
    from neonblue.optimization.changing import ChangeOrder, change

    request = MoveRequest(
        action=action,
        weights=weights,
        winner=winner or "",
        roll_out_fraction=roll_out_fraction,
    )
    order = ChangeOrder(
        experiment_id=experiment_id,
        request=request,
        reason=reason,
        expected_version=expected_version,
    )
    outcome = change(workspace.store, workspace.authority, order, actor=Actor(kind="agent"))
    return _changed(workspace, action, outcome)


def _created(workspace: Workspace, created: "Created") -> CreatedExperiment:
    publishing = workspace.changes.publish(seconds=PUBLISH_SECONDS)
    name = created.experiment.experiment_id
    return CreatedExperiment(
        experiment_id=name,
        status=created.experiment.status,
        plan_version=created.experiment.version,
        state_version=created.state_version,
        changed=created.changed,
        checks=[LaunchCheck.model_validate(check) for check in created.checks],
        published=publishing.state,
        published_detail=publishing.detail,
        next_step=f"change_experiment with start begins it; experiment://{name} shows it",
    )


def _changed(workspace: Workspace, action: str, outcome: "ChangeOutcome") -> ChangedExperiment:
    experiment, pending = outcome.change.experiment, outcome.pending
    publishing = workspace.changes.publish(seconds=PUBLISH_SECONDS)
    names = [variant.variant_id for variant in experiment.variants]
    weights = experiment.current_weights or tuple(v.weight for v in experiment.variants)
    return ChangedExperiment(
        experiment_id=experiment.experiment_id,
        outcome="done" if pending is None else "pending_approval",
        action=action,
        status=experiment.status,
        plan_version=experiment.version,
        state_version=outcome.change.state_version,
        changed=outcome.changed,
        summary=_summary(action, outcome) if pending is None else pending.text,
        winner=experiment.winner,
        roll_out_fraction=experiment.roll_out_fraction,
        current_weights={
            name: weight / sum(weights) for name, weight in zip(names, weights, strict=True)
        },
        approval_id=None if pending is None else pending.approval_id,
        approval_command=None if pending is None else pending.command,
        published=publishing.state,
        published_detail=publishing.detail,
        details=list(outcome.notes),
        next_step=_next_step(outcome),
    )


def _summary(action: str, outcome: "ChangeOutcome") -> str:
    experiment = outcome.change.experiment
    did = f"{action} is done" if outcome.changed else f"{action} had been done before"
    said = f"{did}: experiment {experiment.experiment_id!r} is {experiment.status}"
    if experiment.status in ("concluded", "rolled_out", "rolled_back"):
        said += f", winner {experiment.winner!r}"
    if experiment.status == "rolled_out":
        said += f" on {experiment.roll_out_fraction:.0%} of the units"
    return said


def _next_step(outcome: "ChangeOutcome") -> str:
    from neonblue.models.lifecycle import possible_moves

    if outcome.pending is not None:
        return "a person runs approval_command; then call change_experiment again as before"
    status = outcome.change.experiment.status
    if status in ("running", "paused"):
        return "analyze_experiment_performance says how it does, at any time"
    moves: tuple[Any, ...] = possible_moves(status)
    return f"change_experiment with {' or '.join(moves)}" if moves else "nothing more to do"


TOOLS = (create_experiment, change_experiment)
