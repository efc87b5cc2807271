"""How large an experiment has to be: from what is known of its metric to units and days."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neonblue.errors import InvalidInputError, NotFoundError
from neonblue.intelligence.look_gate import pass_gate
from neonblue.models import Experiment, MetricDefinition
from neonblue.stats.planning import Baseline, PlannedKind, SamplePlan, baseline_of, plan_sample

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.moments import ExperimentMoments

SECONDS_A_DAY = 86_400.0
SHORTEST_DAYS = 7.0
LONG_DAYS = 60.0
LARGE_MDE = 1.0
LEAST_HISTORY_UNITS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignRequest:
    """What is to be found, and how surely. Lifts and margins are relative fractions.

    The baseline is given (``mean``, and ``sd`` of one unit for anything but a proportion) or read
    from a past experiment's control variant. ``shares`` are the planned weights, control first.
    """

    mde: float
    kind: PlannedKind = "proportion"
    mean: float | None = None
    sd: float | None = None
    like_experiment: str | None = None
    metric: str | None = None
    shares: tuple[float, ...] = (0.5, 0.5)
    alpha: float = 0.05
    power: float = 0.8
    margin: float | None = None
    guardrails: int = 0
    units_per_day: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentDesign:
    """Units and days for one look at the end and for watching all the way, and what to mind.

    ``lift`` is the true relative lift that was planned with.
    """

    baseline: Baseline
    baseline_source: str
    units_per_day: float | None
    plan: SamplePlan
    lift: float
    risks: tuple[str, ...]


def ask_whether_meant(mde: float) -> None:
    """Raise ``InvalidInputError`` for a lift of +100 % or more: a per cent is written so too."""
    if mde >= LARGE_MDE:
        raise InvalidInputError(
            f"mde {mde:g} is a lift of {mde:+.0%}: was {mde:g} % meant? Then give mde "
            f"{mde / 100:g}; if not, say mde_is_meant"
        )


def design(store: Store, request: DesignRequest) -> ExperimentDesign:
    """Size an experiment. Raises ``InvalidInputError`` for what cannot be planned."""
    baseline, source, traffic = _baseline(store, request)
    # "Not worse" is planned for a change that changes nothing: a gain would only make it easier.
    lift = request.mde if request.margin is None else min(request.mde, 0.0)
    plan = plan_sample(
        baseline,
        mde=lift,
        shares=request.shares,
        alpha=request.alpha,
        power=request.power,
        margin=request.margin,
        comparisons=max(len(request.shares) - 1, 1),
        guardrails=request.guardrails,
        units_per_day=traffic,
    )
    return ExperimentDesign(
        baseline=baseline,
        baseline_source=source,
        units_per_day=traffic,
        plan=plan,
        lift=lift,
        risks=tuple(_risks(request, baseline, plan)),
    )


def _baseline(store: Store, request: DesignRequest) -> tuple[Baseline, str, float | None]:
    if request.like_experiment is not None:
        return _observed(store, request, request.like_experiment)
    if request.mean is None:
        raise InvalidInputError(
            "the baseline is missing: give baseline_mean (and baseline_sd unless it is a "
            "proportion), or like_experiment with a past experiment from list_experiments"
        )
    return _given(request.kind, request.mean, request.sd), "given", request.units_per_day


def _given(kind: PlannedKind, mean: float, sd: float | None) -> Baseline:
    if kind == "proportion":
        if not 0.0 < mean < 1.0:
            raise InvalidInputError(
                f"baseline_mean {mean!r} is no proportion: give a share between 0 and 1, "
                "or kind 'mean' with baseline_sd"
            )
        return Baseline(kind=kind, mean=mean, sd=math.sqrt(mean * (1.0 - mean)))
    if sd is None:
        raise InvalidInputError(
            f"kind {kind!r} needs baseline_sd, the standard deviation of one unit"
        )
    return Baseline(kind=kind, mean=mean, sd=sd)


def _observed(
    store: Store, request: DesignRequest, experiment_id: str
) -> tuple[Baseline, str, float | None]:
    """The control variant of a past experiment, and the traffic that it had."""
    experiment = store.experiments.get(experiment_id)
    metric = _metric(experiment, request.metric)
    # One variant's mean beside everybody's is the other one's.
    pass_gate(store, experiment, "the baseline of its control")
    found = store.moments.summarise(experiment, metrics=[metric.name])
    control = found.summary(metric.name, experiment.control.variant_id)
    if control.n < LEAST_HISTORY_UNITS:
        raise InvalidInputError(
            f"experiment {experiment_id!r} has {control.n:.0f} control units, too few to plan "
            f"from (needs {LEAST_HISTORY_UNITS}): give baseline_mean instead"
        )
    traffic = request.units_per_day or _traffic(found)
    source = f"control of {experiment_id!r}, metric {metric.name!r}, {control.n:,.0f} units"
    kind: PlannedKind = metric.kind
    return baseline_of(control, kind=kind), source, traffic


def _traffic(found: ExperimentMoments) -> float | None:
    """Units a day between the first and the last exposure; None when that is under a day."""
    first, last = found.first_exposure_at, found.last_exposure_at
    days = (last - first).total_seconds() / SECONDS_A_DAY if first and last else 0.0
    return sum(item.units for item in found.units) / days if days >= 1.0 else None


def _metric(experiment: Experiment, name: str | None) -> MetricDefinition:
    usable = [item for item in experiment.metrics if item.kind != "quantile"]
    for metric in usable:
        if name is None or metric.name == name:
            return metric
    raise NotFoundError(
        f"experiment {experiment.experiment_id!r} has no metric {name!r} to plan from: "
        f"it has {', '.join(item.name for item in usable) or 'none'}"
    )


def _risks(request: DesignRequest, baseline: Baseline, plan: SamplePlan) -> list[str]:
    risks = []
    if plan.sequential_days is None:
        risks.append("no traffic is known, so no duration: give units_per_day")
    elif plan.sequential_days > LONG_DAYS:
        risks.append(
            f"{plan.sequential_days:.0f} days is long: raise mde, add a covariate, or take a "
            "metric nearer to the change"
        )
    elif plan.sequential_days < SHORTEST_DAYS:
        risks.append(f"run it {SHORTEST_DAYS:.0f} days all the same: weekdays differ")
    if request.margin is None and request.guardrails == 0:
        risks.append(
            "the size is for this metric alone: where guardrails with a margin have to pass too, "
            "it ships less often (three of them: half as often); say how many by guardrails, and "
            "plan each by non_inferiority_margin"
        )
    if len(request.shares) > 2:
        risks.append("several treatments share alpha, which costs units: two variants need fewer")
    if baseline.kind == "mean" and baseline.sd > 5.0 * abs(baseline.mean):
        risks.append("the metric is very skewed: set winsorize_quantile, e.g. 0.99, in the plan")
    if min(request.shares) < 0.2 * max(request.shares):
        risks.append("a very unequal split needs more units and makes skewed metrics less exact")
    return risks
