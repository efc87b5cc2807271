"""A finished experiment reduced to what later ones can learn from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from neonblue.intelligence.deciding import Deciding, deciding, leading_primary
from neonblue.intelligence.evidence import Analysis, Comparison
from neonblue.intelligence.recollection.audience import EVERYBODY
from neonblue.intelligence.recollection.category import category_of
from neonblue.models import Experiment, MetricDefinition
from neonblue.stores.forecasts import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentFacts:
    """``outcome`` is None for an invalid experiment, which teaches nothing about its effect.

    ``improvement`` is the relative lift of the decisive comparison, positive when it is for the
    better; ``p_value`` and ``relative_ci_*`` are those that decided; ``revenue_impact`` the
    absolute difference of the summed metric, a unit;
    ``conversion_rate`` the control's; ``audience`` for whom it was.
    """

    experiment: Experiment
    category: str
    audience: str
    decision: str
    outcome: Outcome | None
    reasons: tuple[str, ...]
    units: int
    duration_days: float | None
    ended_at: datetime
    dated: bool
    metric: MetricDefinition | None
    comparison: Comparison | None
    conversion_rate: float | None
    improvement: float | None
    improvement_lower: float | None
    improvement_upper: float | None
    improvement_standard_error: float | None
    p_value: float | None
    relative_ci_lower: float | None
    relative_ci_upper: float | None
    revenue_metric: str | None
    revenue_impact: float | None
    guardrail_harmed: str | None
    failed_checks: tuple[str, ...]


def facts_of(analysis: Analysis, *, audience: str = EVERYBODY) -> ExperimentFacts:
    """The facts of an analysis of a finished experiment."""
    experiment = analysis.experiment
    found = leading_primary(analysis)
    comparison = found.comparison if found is not None else None
    lift, lower, upper = _lifts(found)
    revenue = _revenue(analysis, comparison)
    ended_at = experiment.ended_at or analysis.last_event_at or analysis.as_of
    return ExperimentFacts(
        experiment=experiment,
        category=category_of(experiment),
        audience=audience,
        decision=analysis.decision.decision,
        outcome=outcome_of(analysis.decision.decision),
        reasons=tuple(reason.detail for reason in analysis.decision.reasons),
        units=analysis.look.units,
        duration_days=_days(experiment.started_at, ended_at),
        ended_at=ended_at,
        dated=experiment.ended_at is not None or analysis.last_event_at is not None,
        metric=found.metric if found is not None else _first_primary(experiment),
        comparison=comparison,
        conversion_rate=_conversion_rate(analysis),
        improvement=lift,
        improvement_lower=lower,
        improvement_upper=upper,
        improvement_standard_error=comparison.relative_standard_error if comparison else None,
        p_value=found.p_value if found is not None else None,
        relative_ci_lower=found.relative_ci_lower if found is not None else None,
        relative_ci_upper=found.relative_ci_upper if found is not None else None,
        revenue_metric=revenue.metric if revenue is not None else None,
        revenue_impact=revenue.absolute_difference if revenue is not None else None,
        guardrail_harmed=_harmed(analysis),
        failed_checks=tuple(check.name for check in analysis.validity.failed),
    )


def outcome_of(decision: str) -> Outcome | None:
    """Ship is a success and rollback a failure; what moved nothing for certain is neutral."""
    if decision == "ship":
        return "success"
    if decision == "rollback":
        return "failure"
    return None if decision in ("invalid", "insufficient_data") else "neutral"


def _first_primary(experiment: Experiment) -> MetricDefinition | None:
    """What it was meant to change, where nothing could be compared."""
    return next((metric for metric in experiment.metrics if metric.role == "primary"), None)


def _lifts(found: Deciding | None) -> tuple[float | None, float | None, float | None]:
    """Lift and the bounds that decide, with the better direction positive."""
    if found is None or found.comparison.relative_lift is None:
        return None, None, None
    bounds = [found.relative_ci_lower, found.relative_ci_upper]
    sign = -1.0 if found.metric.direction == "decrease" else 1.0
    if sign < 0:
        bounds = [None if bound is None else -bound for bound in reversed(bounds)]
    return sign * found.comparison.relative_lift, bounds[0], bounds[1]


def _conversion_rate(analysis: Analysis) -> float | None:
    """The control's share of the primary metric, else of the first other one that may rise."""
    shares = [
        metric
        for metric in analysis.metrics
        if metric.definition.kind == "proportion" and metric.definition.role != "guardrail"
    ]
    shares.sort(key=lambda metric: metric.definition.role != "primary")
    return next((item.mean_control for metric in shares for item in metric.comparisons), None)


def _revenue(analysis: Analysis, decisive: Comparison | None) -> Comparison | None:
    """The decisive variant's comparison on the first metric that sums values."""
    if decisive is None:
        return None
    summed = (m for m in analysis.metrics if m.definition.aggregation == "sum")
    return next(
        (c for metric in summed for c in metric.comparisons if c.variant == decisive.variant), None
    )


def _harmed(analysis: Analysis) -> str | None:
    """The guardrail that the verdict rests on, where one was harmed."""
    found = deciding(analysis)
    harmed = analysis.decision.decision == "rollback" and found is not None
    return found.metric.name if harmed and found and found.metric.role == "guardrail" else None


def _days(started_at: datetime | None, ended_at: datetime) -> float | None:
    if started_at is None or ended_at <= started_at:
        return None
    return (ended_at - started_at).total_seconds() / 86_400
