"""The evidence of an analysis, handed to the rules of ``stats.verdict``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from neonblue.intelligence.evidence import Comparison, Decision, MetricEffects, Reason, Validity
from neonblue.intelligence.horizon import maximum_units
from neonblue.intelligence.ledger import FINISHED
from neonblue.models import Experiment, MetricDefinition
from neonblue.stats.sequential import burn_in_units
from neonblue.stats.verdict import MetricEvidence, Progress, ValidityCheck, Verdict
from neonblue.stats.verdict import decide as judge

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where the experiment stands: its units, its horizon N*, and since when."""

    experiment: Experiment
    units: int
    horizon: int
    started_at: datetime | None
    last_event_at: datetime | None
    now: datetime

    @property
    def days(self) -> float | None:
        """How long it has run; None where no start is known."""
        if self.started_at is None:
            return None
        end = self.experiment.ended_at or self.now
        if self.experiment.status in FINISHED and self.last_event_at is not None:
            end = min(end, self.last_event_at)
        return max(0.0, (end - self.started_at) / DAY)


def decide(
    standing: Standing, validity: Validity, metrics: Sequence[MetricEffects], *, fixed: bool
) -> Verdict:
    """The verdict; with ``fixed`` the textbook intervals decide, after an unwatched end."""
    return judge(
        list(_evidence(metrics, fixed=fixed)),
        checks=[
            ValidityCheck(name=check.name, status=check.status, detail=check.detail)
            for check in validity.checks
        ],
        progress=progress_of(standing),
        alpha=standing.experiment.alpha,
    )


def as_decision(verdict: Verdict) -> Decision:
    """The verdict as the analysis keeps it."""
    return Decision(
        decision=verdict.decision,
        variant=verdict.variant,
        eta_days=verdict.eta_days,
        reasons=tuple(
            Reason(
                code=reason.code,
                detail=reason.message,
                metric=reason.metric,
                variant=reason.variant,
            )
            for reason in verdict.reasons
        ),
        next_step=verdict.next_step,
    )


def with_adjusted(metrics: Sequence[MetricEffects], verdict: Verdict) -> tuple[MetricEffects, ...]:
    """The effects with the Holm-adjusted p-values that the verdict used."""
    return tuple(
        replace(
            effects,
            comparisons=tuple(
                replace(item, adjusted_p_value=verdict.adjusted_p_values.get(_key(item)))
                for item in effects.comparisons
            ),
        )
        for effects in metrics
    )


def progress_of(standing: Standing) -> Progress:
    """How far it has come and how fast units arrive."""
    plan, days = standing.experiment, standing.days
    return Progress(
        n=standing.units,
        planned_n=standing.horizon,
        maximum_n=maximum_units(plan),
        days=days,
        minimum_days=plan.minimum_duration_days,
        burn_in_n=burn_in_units(standing.horizon, smallest_share=smallest_share(plan)),
        units_a_day=standing.units / days if days else None,
        finished=plan.status in FINISHED,
    )


def smallest_share(experiment: Experiment) -> float:
    """The rarest live variant's planned share of the units."""
    weights = [variant.weight for variant in experiment.variants if variant.weight > 0]
    return min(weights) / sum(weights) if weights else 0.5


def _key(comparison: Comparison) -> tuple[str, str]:
    return comparison.metric, comparison.variant


def _evidence(metrics: Sequence[MetricEffects], *, fixed: bool) -> Iterator[MetricEvidence]:
    for effects in metrics:
        for comparison in effects.comparisons:
            yield _one(effects.definition, comparison, fixed=fixed)


def _one(metric: MetricDefinition, comparison: Comparison, *, fixed: bool) -> MetricEvidence:
    lower, upper = comparison.deciding_interval(fixed=fixed)
    scale = abs(comparison.mean_control)
    return MetricEvidence(
        metric=metric.name,
        variant=comparison.variant,
        role=metric.role,
        estimate=comparison.absolute_difference,
        standard_error=comparison.standard_error,
        ci_lower=lower,
        ci_upper=upper,
        p_value=comparison.deciding_p_value(fixed=fixed),
        direction=metric.direction,
        mde=None if metric.mde is None else metric.mde * scale,
        margin=None if metric.margin is None else metric.margin * scale,
        detail=comparison.note or "",
    )
