"""How large an experiment has to be."""

from typing import TYPE_CHECKING, Annotated, Literal

from fastmcp.dependencies import Shared
from pydantic import Field

from neonblue.tools.effect import records
from neonblue.tools.results.design import Design
from neonblue.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from neonblue.optimization.design import ExperimentDesign

Share = Annotated[float, Field(gt=0)]


@records(title="Design an experiment")
def design_experiment(
    mde: Annotated[float, Field(gt=-1, lt=10)],
    baseline_mean: float | None = None,
    baseline_sd: Annotated[float, Field(gt=0)] | None = None,
    kind: Literal["proportion", "mean", "ratio"] = "proportion",
    like_experiment: str | None = None,
    metric: str | None = None,
    weights: list[Share] | None = None,
    units_per_day: Annotated[float, Field(gt=0)] | None = None,
    non_inferiority_margin: Annotated[float, Field(gt=0, lt=1)] | None = None,
    guardrails: Annotated[int, Field(ge=0, le=50)] = 0,
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05,
    power: Annotated[float, Field(gt=0.5, lt=1)] = 0.8,
    workspace: Workspace = Shared(open_workspace),
) -> Design:
    """Size an experiment: units and days to find an effect, before it starts.

    Give the baseline, or like_experiment to read it and the traffic from a past one. Plan with
    units_watched when anybody will look before the end: it is larger, and peeking then costs
    nothing. For chances of success use predict_experiment_outcome. Changes nothing.

    Args:
        mde: Least relative lift worth finding, a fraction: 0.05 is +5 %.
        baseline_mean: Control's mean, e.g. 0.12 for 12 % conversion.
        baseline_sd: Standard deviation of one unit; not for proportions.
        kind: What the metric is.
        like_experiment: Past experiment to read the baseline from, see list_experiments.
        metric: Its metric; the first by default.
        weights: Planned shares, control first, e.g. [0.8, 0.2]; equal by default.
        units_per_day: New units a day, over all variants.
        non_inferiority_margin: Plan to show "not worse by more than this fraction".
        guardrails: How many guardrails must pass as well.
        alpha: False-positive rate.
        power: Chance to find mde.
    """
    from neonblue.optimization.design import DesignRequest, design

    request = DesignRequest(
        mde=mde,
        kind=kind,
        mean=baseline_mean,
        sd=baseline_sd,
        like_experiment=like_experiment,
        metric=metric,
        shares=tuple(weights or (0.5, 0.5)),
        alpha=alpha,
        power=power,
        margin=non_inferiority_margin,
        guardrails=guardrails,
        units_per_day=units_per_day,
    )
    return _answer(design(workspace.store, request), mde, non_inferiority_margin)


def _aim(found: "ExperimentDesign", mde: float, margin: float | None) -> str:
    if margin is None:
        return f"to find a lift of {mde:+.1%}"
    return (
        f"to show that it is not worse by more than {margin:.1%} if its true lift is "
        f"{found.lift:+.1%}"
    )


def _answer(found: "ExperimentDesign", mde: float, margin: float | None) -> Design:
    plan, baseline = found.plan, found.baseline
    watched = [round(share * plan.sequential_total / plan.total) for share in plan.per_variant]
    return Design(
        summary=(
            f"{plan.sequential_total:,} units when watched all the way, {plan.total:,} for one "
            f"look at the end, {_aim(found, mde, margin)} with power {plan.power:.0%}"
        ),
        units_watched=plan.sequential_total,
        units_one_look=plan.total,
        watched_costs=plan.sequential_factor,
        units_per_variant_watched=watched,
        days_watched=plan.sequential_days,
        days_one_look=plan.days,
        units_per_day=found.units_per_day,
        mde=mde,
        power=plan.power,
        alpha_per_comparison=plan.alpha,
        baseline_mean=baseline.mean,
        baseline_sd=baseline.sd,
        variance_reduction=baseline.variance_reduction,
        baseline_source=found.baseline_source,
        next_step=(
            "write planned_sample_size = units_watched into the definition (neonblue define) "
            "before it starts; it is frozen from then on"
        ),
        risks=list(found.risks),
    )


TOOLS = (design_experiment,)
