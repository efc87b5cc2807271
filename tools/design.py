"""How large an experiment has to be, and a whole plan from a goal in words."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

from fastmcp.dependencies import Shared
from pydantic import Field

from neonblue.errors import InvalidInputError
from neonblue.tools.effect import records
from neonblue.tools.results.design import Design
from neonblue.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from neonblue.intelligence.forecast.forecasting import Forecast
    from neonblue.optimization.design import DesignRequest
    from neonblue.optimization.plan_proposal import PlanProposal

DEFAULT_MDE = 0.05
Share = Annotated[float, Field(gt=0)]


@records(title="Design an experiment")
def design_experiment(
    mde: Annotated[float, Field(gt=-1, le=1000)] | None = None,
    goal: Annotated[str, Field(max_length=2000)] | None = None,
    baseline_mean: float | None = None,
    baseline_sd: Annotated[float, Field(gt=0)] | None = None,
    kind: Literal["proportion", "mean", "ratio"] = "proportion",
    like_experiment: str | None = None,
    metric: str | None = None,
    variants: list[str] | None = None,
    weights: list[Share] | None = None,
    units_per_day: Annotated[float, Field(gt=0)] | None = None,
    non_inferiority_margin: Annotated[float, Field(gt=0, lt=1)] | None = None,
    guardrails: Annotated[int, Field(ge=0, le=50)] = 0,
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05,
    power: Annotated[float, Field(gt=0.5, lt=1)] = 0.8,
    experiment_id: str | None = None,
    mde_is_meant: bool = False,
    workspace: Workspace = Shared(open_workspace),
) -> Design:
    """Plan an experiment before it starts: units and days, or a whole plan from a goal in words.

    With goal: metrics, size, days from real traffic, limits, conflicts, forecast and what 14 days
    find; pass plan on to create_experiment. Without: the size alone, from a baseline or
    like_experiment. Plan with units_watched when anybody will look before the end: it is larger,
    and peeking then costs nothing.

    Args:
        mde: Least relative lift worth finding, a fraction: 0.05 is +5 %.
        goal: Goal or hypothesis, e.g. "fewer steps raise checkout purchases".
        baseline_mean: Control's mean, e.g. 0.12 for 12 % conversion.
        baseline_sd: Standard deviation of one unit; not for proportions.
        kind: What the metric is.
        like_experiment: Past experiment to read the baseline from, see list_experiments.
        metric: Its metric, or the goal's: a metric or event type that is known.
        variants: What each does, control first; with goal.
        weights: Planned shares, control first, e.g. [0.8, 0.2]; else equal.
        units_per_day: New units a day, over all variants; with goal as observed.
        non_inferiority_margin: Plan to show "not worse by more than this fraction".
        guardrails: How many guardrails must pass as well.
        alpha: False-positive rate.
        power: Chance to find mde.
        experiment_id: Id for the plan; else from the goal.
        mde_is_meant: An mde of 1 (+100 %) or more is meant.
    """
    from neonblue.optimization.design import DesignRequest

    request = DesignRequest(
        mde=_effect(mde, goal, meant=mde_is_meant),
        kind=kind,
        mean=baseline_mean,
        sd=baseline_sd,
        like_experiment=like_experiment,
        metric=metric,
        shares=_shares(weights, goal, variants),
        alpha=alpha,
        power=power,
        margin=non_inferiority_margin,
        guardrails=guardrails,
        units_per_day=units_per_day,
    )
    if goal is None:
        return _sized(workspace, request)
    return _planned(workspace, request, goal, tuple(variants or ()), experiment_id, mde is None)


def _effect(mde: float | None, goal: str | None, *, meant: bool) -> float:
    from neonblue.optimization.design import ask_whether_meant

    if mde is None and goal is None:
        raise InvalidInputError(
            "mde is missing: give the least relative lift worth finding, like 0.05 for +5 %, or a "
            "goal in words"
        )
    if mde is not None and not meant:
        ask_whether_meant(mde)
    return DEFAULT_MDE if mde is None else mde


def _shares(
    weights: list[float] | None, goal: str | None, variants: list[str] | None
) -> tuple[float, ...]:
    """As given; else equal, one for each variant of a plan, which has two unless said."""
    if weights:
        return tuple(weights)
    return (0.5, 0.5) if goal is None else tuple(1.0 for _ in variants or (0, 1))


def _sized(workspace: Workspace, request: "DesignRequest") -> Design:
    from neonblue.optimization.design import design
    from neonblue.optimization.detectability import detectability
    from neonblue.optimization.effect_curve import curve_of
    from neonblue.tools.results.design_answer import sizing_answer

    found = design(workspace.store, request)
    curve = curve_of(found, shares=request.shares, alpha=request.alpha)
    decidable = detectability(found, curve, variants=len(request.shares))
    return sizing_answer(found, request.mde, request.margin, curve, decidable)


def _planned(
    workspace: Workspace,
    request: "DesignRequest",
    goal: str,
    variants: tuple[str, ...],
    experiment_id: str | None,
    mde_is_default: bool,
) -> Design:
    from neonblue.optimization.plan_proposal import GoalRequest, propose
    from neonblue.tools.results.design_answer import proposal_answer

    asked = GoalRequest(
        goal=goal,
        sizing=request,
        mde_is_default=mde_is_default,
        experiment_id=experiment_id or "",
        variants=variants,
    )
    proposal = propose(workspace.store, asked)
    return proposal_answer(proposal, request.mde, _forecast(workspace, proposal))


def _forecast(workspace: Workspace, proposal: "PlanProposal") -> "Forecast":
    """What past experiments make likely; not logged, since a design is not yet an experiment."""
    from neonblue.intelligence.forecast.forecasting import forecast
    from neonblue.models.reader import Reader, reading
    from neonblue.optimization.plan_proposal import as_forecast_plan

    workspace.learner.catch_up()
    with reading(Reader(tool="design_experiment", records=False)):
        return forecast(
            workspace.store,
            workspace.memory,
            as_forecast_plan(proposal),
            now=datetime.now(UTC),
            text_model=workspace.text_model.get(),
        )


TOOLS = (design_experiment,)
