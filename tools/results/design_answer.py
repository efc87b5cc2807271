"""From a sizing, or a whole proposal, to the answer of ``design_experiment``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from neonblue.tools.results.design import Design, EffectAfterDays, PlanForecast

if TYPE_CHECKING:
    from neonblue.intelligence.forecast.forecasting import Forecast
    from neonblue.models import Experiment
    from neonblue.optimization.design import ExperimentDesign
    from neonblue.optimization.detectability import Detectability
    from neonblue.optimization.effect_curve import DetectableEffect
    from neonblue.optimization.plan_proposal import PlanProposal

INVERSE_DAYS = 14
WATCHED = (
    "watched: planned_sample_size is units_watched, and anybody may look at any time; with one "
    "look at the end and none before, units_one_look are enough"
)


def sizing_answer(
    found: "ExperimentDesign",
    mde: float,
    margin: float | None,
    curve: "Sequence[DetectableEffect]" = (),
    detectability: "Detectability | None" = None,
) -> Design:
    """The answer to a question of size alone."""
    plan, baseline = found.plan, found.baseline
    watched = [round(share * plan.sequential_total / plan.total) for share in plan.per_variant]
    because = "" if detectability is None else detectability.because
    return Design(
        summary=_summary(found, mde, margin, because),
        detectable=not because,
        undetectable_because=because,
        would_be_detectable_with=[] if detectability is None else list(detectability.remedies),
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
            "write planned_sample_size = units_watched into the plan (create_experiment, or "
            "neonblue define) before it starts; it is frozen from then on"
        ),
        risks=list(found.risks),
        found_in_14_days=next((_point(e) for e in curve if e.days == INVERSE_DAYS), None),
        effect_by_days=[_point(each) for each in curve],
        plan=None,
        how_watched=WATCHED,
        conflicts=[],
        forecast=None,
        details=[],
    )


def proposal_answer(proposal: "PlanProposal", mde: float, forecast: "Forecast | None") -> Design:
    """The answer to a goal: the size, and the whole plan with what speaks for and against it."""
    sized = sizing_answer(
        proposal.sizing,
        mde,
        None,
        proposal.curve,
        proposal.detectability,
    )
    next_step = "create_experiment with this plan stores a draft, once its variants say what to do"
    if proposal.detectability.because:
        next_step = "change the plan by one of would_be_detectable_with, then design it again"
    return sized.model_copy(
        update={
            "plan": plan_as_argument(proposal.plan),
            "conflicts": list(proposal.conflicts),
            "forecast": None if forecast is None else _forecast(forecast),
            "details": list(proposal.notes),
            "next_step": next_step,
        }
    )


def plan_as_argument(plan: "Experiment") -> dict[str, Any]:
    """The plan as ``create_experiment`` takes it, without what is as by default."""
    import msgspec

    from neonblue.tools.plan_argument import PlanArgument

    content = msgspec.to_builtins(plan)
    known = {name: content[name] for name in PlanArgument.model_fields if name in content}
    return PlanArgument.model_validate(known).model_dump(exclude_defaults=True)


def _summary(found: "ExperimentDesign", mde: float, margin: float | None, undetectable: str) -> str:
    plan = found.plan
    said = (
        f"{plan.sequential_total:,} units when watched all the way, {plan.total:,} for one "
        f"look at the end, {_aim(found, mde, margin)} with power {plan.power:.0%}"
    )
    return f"undetectable: {undetectable}; {said}" if undetectable else said


def _aim(found: "ExperimentDesign", mde: float, margin: float | None) -> str:
    if margin is None:
        return f"to find a lift of {mde:+.1%}"
    return (
        f"to show that it is not worse by more than {margin:.1%} if its true lift is "
        f"{found.lift:+.1%}"
    )


def _point(effect: "DetectableEffect") -> EffectAfterDays:
    return EffectAfterDays.model_validate(effect)


def _forecast(forecast: "Forecast") -> PlanForecast:
    outlook = forecast.outlook
    chances = {} if outlook is None else outlook.probabilities
    return PlanForecast(
        status=forecast.status,
        success=chances.get("success"),
        failure=chances.get("failure"),
        neutral=chances.get("neutral"),
        relative_lift=None if outlook is None else outlook.expected_lift,
        past_experiments=forecast.past_experiments,
        detail=forecast.detail,
    )
