"""run_optimization_cycle and simulate_policy."""

from typing import TYPE_CHECKING, Annotated, Literal

from fastmcp.dependencies import Shared
from pydantic import Field

from neonblue.tools.effect import reads, writes
from neonblue.tools.results.loop import Cycle, CycleStep, PolicyTrial, PolicyTrials
from neonblue.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from neonblue.optimization.loop.goal import Goal
    from neonblue.optimization.loop.step import CycleReport, StepTaken

World = Literal[
    "stationary",
    "drifting",
    "seasonal",
    "delayed",
    "interference",
    "broken_randomisation",
    "mostly_null",
]


@writes(title="Run the optimization loop once")
def run_optimization_cycle(
    goal: Annotated[str, Field(min_length=1, max_length=500)],
    success_event: str | None = None,
    like_experiment: str | None = None,
    baseline_mean: Annotated[float, Field(gt=0)] | None = None,
    mde: Annotated[float, Field(gt=0, lt=1)] = 0.05,
    ideas: Annotated[list[str], Field(max_length=50)] | None = None,
    workspace: Workspace = Shared(open_workspace),
) -> Cycle:
    """Take one step towards a goal: propose, start, watch, heal, stop, conclude or roll out.

    Call it again and again, with the same goal; it goes on where it was, also after a crash. What
    the policy leaves to a person waits: the answer names the command for that person, and asking
    again does nothing more. Harm is stopped at once; winners ship only at the programme's own bar.

    Args:
        goal: What to improve, e.g. more completed checkouts on mobile.
        success_event: Event type that counts as success; needed once, unless like_experiment.
        like_experiment: Take the metrics of this experiment instead.
        baseline_mean: Share or mean without any change, e.g. 0.12; sizes the experiments.
        mde: Least relative lift worth finding, a fraction.
        ideas: Changes to try first, in words.
    """
    from neonblue.optimization.loop.goal import Goal, goal_id_of, goal_metrics, save_goal
    from neonblue.optimization.loop.step import LoopParts, run_step

    store, goal_id = workspace.store, goal_id_of(goal)
    known = _known(workspace, goal_id)
    asked_for = success_event is not None or like_experiment is not None or ideas is not None
    if known is None or asked_for:
        known = Goal(
            goal_id=goal_id,
            text=goal,
            metrics=goal_metrics(store, like_experiment=like_experiment, event_type=success_event)
            if known is None or success_event or like_experiment
            else known.metrics,
            mde=mde,
            baseline_mean=baseline_mean,
            ideas=tuple(ideas or ()),
        )
        save_goal(store, known)
    parts = LoopParts(
        store=store,
        memory=lambda: workspace.memory,
        learner=lambda: workspace.learner,
        kinds=workspace.event_kinds,
        authority=workspace.authority,
    )
    return _answer(run_step(parts, known))


def _known(workspace: Workspace, goal_id: str) -> "Goal | None":
    from neonblue.errors import NotFoundError
    from neonblue.optimization.loop.goal import read_goal

    try:
        return read_goal(workspace.store, goal_id)
    except NotFoundError:
        return None


def _answer(found: "CycleReport") -> Cycle:
    return Cycle(
        goal_id=found.goal.goal_id,
        status=found.status,
        steps=[_step(one) for one in found.steps],
        watching=[_step(one) for one in found.watching],
        winner_share=found.programme.winner_share,
        ship_level=found.programme.level,
        learnt_from=found.programme.learnt_from,
        next_step=_next(found),
    )


def _step(one: "StepTaken") -> CycleStep:
    return CycleStep(
        experiment_id=one.experiment_id,
        act=one.act,
        outcome=one.outcome,
        detail=one.reason,
        command=one.command or None,
    )


def _next(found: "CycleReport") -> str:
    waiting = next((one for one in found.steps if one.outcome == "waiting"), None)
    if waiting is not None:
        return f"a person decides: {waiting.command}; then call run_optimization_cycle again"
    texts = {
        "acted": "call run_optimization_cycle again for the next step",
        "watching": "nothing to do now: call again when more units have come",
        "idle": "no idea is left: call again with ideas, changes to try in words",
    }
    return texts[found.status]


@reads(title="Try a policy in simulation")
def simulate_policy(
    world: World = "mostly_null",
    experiments: Annotated[int, Field(ge=1, le=200)] = 40,
    winners: Annotated[float, Field(ge=0, lt=1)] | None = None,
    seed: Annotated[int, Field(ge=0)] = 1,
) -> PolicyTrials:
    """Try the loop's rules in a world of known truth, beside naive peeking and one planned look.

    Production's code decides. About a second an experiment.

    Args:
        world: How units behave.
        experiments: How many ideas.
        winners: Share of ideas that win; the world's own by default.
        seed: For repeats.
    """
    from neonblue.optimization.simulation.policy_trial import try_policy

    trials = try_policy(world, experiments=experiments, winners=winners, seed=seed)
    return PolicyTrials(
        world=world,
        trials=[
            PolicyTrial(**{name: getattr(one, name) for name in PolicyTrial.model_fields})
            for one in trials
        ],
    )


TOOLS = (run_optimization_cycle, simulate_policy)
