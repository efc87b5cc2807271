"""A whole plan from a goal in words: metrics, size, days, limits, conflicts, and the inverse.

Every number comes from what was measured. Where the traffic cannot decide it, that is said, with
what would make it decidable.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from neonblue.errors import InvalidInputError
from neonblue.intelligence.forecast.plan import ForecastPlan
from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.models.circuit_breaker import CircuitBreaker
from neonblue.optimization.design import DesignRequest, ExperimentDesign, design
from neonblue.optimization.detectability import Detectability, detectability
from neonblue.optimization.effect_curve import DetectableEffect, curve_of
from neonblue.optimization.goal_metrics import GoalMetrics, KnownMetric, metrics_for
from neonblue.optimization.launch_checks import overlapping

if TYPE_CHECKING:
    from neonblue.stats.planning import Baseline
    from neonblue.stores import Store

HOLDOUT = 0.05
HOLDOUT_DAYS = 28.0
BREAKER_SDS = 5.0
MIN_BREAKER_UNITS = 500
MAX_ID_LENGTH = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalRequest:
    """A goal or a hypothesis in words, and what is known besides.

    ``sizing`` holds what a caller said of the size; its baseline may be missing, and nobody said
    its ``mde`` where ``mde_is_default``. ``variants`` are texts, control first.
    """

    goal: str
    sizing: DesignRequest
    mde_is_default: bool = False
    experiment_id: str = ""
    variants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanProposal:
    """The plan as ``create_experiment`` takes it, its sizing, and what speaks for or against it.

    Changes nothing by itself.
    """

    plan: Experiment
    sizing: ExperimentDesign
    metric_reason: str
    curve: tuple[DetectableEffect, ...]
    conflicts: tuple[str, ...]
    detectability: Detectability
    notes: tuple[str, ...]


def propose(store: Store, request: GoalRequest) -> PlanProposal:
    """A whole plan; changes nothing.

    Raises ``InvalidInputError`` when no known metric fits the goal, or nothing is known of it.
    """
    metrics = metrics_for(store, request.goal, named=request.sizing.metric)
    variants = _variants(request)
    sizing = _sizing(store, request, metrics, len(variants))
    sized = design(store, sizing)
    if request.sizing.mean is None and sizing.mean is not None:
        sized = replace(sized, baseline_source=_observed_from(metrics.primary))
    shares = _shares(request, len(variants))
    curve = curve_of(sized, shares=shares, alpha=request.sizing.alpha)
    plan = _plan(store, request, metrics, sized, variants)
    return PlanProposal(
        plan=plan,
        sizing=sized,
        metric_reason=metrics.reason,
        curve=curve,
        conflicts=tuple(_conflict(plan, other) for other in overlapping(store, plan)),
        detectability=detectability(sized, curve, variants=len(variants)),
        notes=_notes(request, metrics, plan),
    )


def as_forecast_plan(proposal: PlanProposal) -> ForecastPlan:
    """The plan as forecasts take it."""
    plan, baseline = proposal.plan, proposal.sizing.baseline
    primary = plan.metrics[0]
    return ForecastPlan(
        experiment=plan,
        metric=primary.name,
        metric_kind="proportion" if primary.kind == "proportion" else "mean",
        baseline=baseline.mean or None,
        baseline_sd=baseline.sd,
        mde=primary.mde,
        planned_sample_size=plan.planned_sample_size,
        units_per_day=proposal.sizing.units_per_day,
        guardrails=tuple(m.name for m in plan.metrics if m.role == "guardrail"),
    )


def _sizing(
    store: Store, request: GoalRequest, metrics: GoalMetrics, variants: int
) -> DesignRequest:
    """The request with the baseline that is known: a finished experiment's, or all users'."""
    falls = metrics.primary.definition.direction == "decrease"
    sizing = replace(
        request.sizing,
        mde=-abs(request.sizing.mde) if falls else request.sizing.mde,
        shares=_shares(request, variants),
        guardrails=len(metrics.guardrails),
        units_per_day=request.sizing.units_per_day or _traffic(store),
    )
    if sizing.like_experiment is not None or sizing.mean is not None:
        return sizing
    primary = metrics.primary
    if primary.like:
        return replace(sizing, like_experiment=primary.like, metric=primary.definition.name)
    return replace(sizing, kind="proportion", mean=_share_of_users(store, primary))


def _shares(request: GoalRequest, variants: int) -> tuple[float, ...]:
    given = request.sizing.shares
    return given if len(given) == variants else tuple(1.0 / variants for _ in range(variants))


def _traffic(store: Store) -> float | None:
    observed = store.traffic.observed()
    return None if observed is None else observed.units_per_day


def _share_of_users(store: Store, primary: KnownMetric) -> float:
    definition = primary.definition
    share = store.traffic.share_with(definition.event_type)
    if definition.kind != "proportion" or share is None or not 0.0 < share < 1.0:
        raise InvalidInputError(
            f"nothing is known yet of what {definition.name!r} usually is: give baseline_mean "
            "(and baseline_sd unless it is a proportion), or like_experiment"
        )
    return share


def _observed_from(primary: KnownMetric) -> str:
    return f"the share of all users with {primary.definition.event_type!r} in the last 28 days"


def _variants(request: GoalRequest) -> tuple[Variant, ...]:
    texts = request.variants or ("as it is today", request.goal)
    if len(texts) < 2:
        raise InvalidInputError(f"variants {list(texts)!r}: give two texts or more, control first")
    shares = _shares(request, len(texts))
    total = sum(shares)
    return tuple(
        Variant(
            variant_id="control" if row == 0 else f"treatment_{row}",
            weight=share / total,
            is_control=row == 0,
            description=text,
        )
        for row, (text, share) in enumerate(zip(texts, shares, strict=True))
    )


def _plan(
    store: Store,
    request: GoalRequest,
    metrics: GoalMetrics,
    sized: ExperimentDesign,
    variants: tuple[Variant, ...],
) -> Experiment:
    primary = replace(metrics.primary.definition, mde=abs(request.sizing.mde))
    days = sized.plan.sequential_days
    return Experiment(
        experiment_id=request.experiment_id or _free_id(store, request.goal),
        hypothesis=request.goal,
        variants=variants,
        metrics=(primary, *metrics.guardrails),
        status="draft",
        alpha=request.sizing.alpha,
        power=request.sizing.power,
        planned_sample_size=sized.plan.sequential_total,
        holdout_fraction=HOLDOUT if days is not None and days < HOLDOUT_DAYS else 0.0,
        circuit_breakers=(default_breaker(primary, sized.baseline),),
    )


def _free_id(store: Store, goal: str) -> str:
    """A readable id that no experiment has."""
    words = re.findall(r"[a-z0-9]+", goal.lower())
    stem = "_".join(words)[:MAX_ID_LENGTH].strip("_") or "experiment"
    taken, name, number = store.experiments.defined().keys(), stem, 2
    while name in taken or store.experiments.seen(name) is not None:
        name, number = f"{stem}_{number}", number + 1
    return name


def default_breaker(metric: MetricDefinition, baseline: Baseline) -> CircuitBreaker:
    """Half of the usual, or half as much again where less is better, once noise cannot reach it."""
    falls = metric.direction == "increase"
    limit = baseline.mean - 0.5 * abs(baseline.mean) * (1.0 if falls else -1.0)
    distance = 0.5 * abs(baseline.mean)
    units = math.ceil((BREAKER_SDS * baseline.sd / distance) ** 2) if distance else 0
    return CircuitBreaker(
        metric=metric.name,
        limit=float(f"{limit:.3g}"),
        side="below" if falls else "above",
        minimum_units=max(units, MIN_BREAKER_UNITS),
    )


def _conflict(plan: Experiment, other: Experiment) -> str:
    shared = {m.event_type for m in plan.metrics} & {m.event_type for m in other.metrics}
    about = f", and counts {', '.join(sorted(map(repr, shared)))} too" if shared else ""
    return (
        f"{other.experiment_id!r} is {other.status} on the same {plan.unit}s{about}: give both "
        "slices of one layer, or wait for its end, where one could change what the other does"
    )


def _notes(request: GoalRequest, metrics: GoalMetrics, plan: Experiment) -> tuple[str, ...]:
    notes = [f"primary metric: {metrics.reason}"]
    if request.mde_is_default:
        notes.append(f"mde was not said and is taken as {request.sizing.mde:g}: say what matters")
    if not metrics.guardrails:
        notes.append("no guardrail is known from past experiments: add what must not get worse")
    if plan.holdout_fraction:
        notes.append(
            f"{plan.holdout_fraction:.0%} of the units are held out, to measure what all changes "
            "together are worth"
        )
    return tuple(notes)
