"""The evidence of an analysis, handed to the rules of ``stats.verdict``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from neonblue.intelligence.evidence import Comparison, Decision, MetricEffects, Reason, Validity
from neonblue.intelligence.horizon import maximum_units
from neonblue.models import Experiment, MetricDefinition
from neonblue.models.lifecycle import FINISHED_STATUSES
from neonblue.stats.sequential import burn_in_units
from neonblue.stats.verdict import MetricEvidence, Progress, ValidityCheck, Verdict
from neonblue.stats.verdict import decide as judge
from neonblue.stats.verdict_evidence import EffectChange, Key

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where the experiment stands: its units, its horizon N*, and since when.

    ``without_units`` names treatments with traffic in the plan and none in the data.
    """

    experiment: Experiment
    units: int
    horizon: int
    started_at: datetime | None
    last_event_at: datetime | None
    now: datetime
    without_units: tuple[str, ...] = ()

    @property
    def days(self) -> float | None:
        """How long it has run; None where no start is known."""
        if self.started_at is None:
            return None
        end = self.experiment.ended_at or self.now
        if self.experiment.status in FINISHED_STATUSES and self.last_event_at is not None:
            end = min(end, self.last_event_at)
        return max(0.0, (end - self.started_at) / DAY)

    def early(self, metric: MetricDefinition) -> bool:
        """Whether the minimum duration, or the metric's attribution window, is not over yet."""
        least = max(self.experiment.minimum_duration_days, metric.attribution_window_days or 0.0)
        ended = self.experiment.status in FINISHED_STATUSES
        return not ended and self.days is not None and self.days < least


def decide(
    standing: Standing,
    validity: Validity,
    evidence: Sequence[MetricEvidence],
    *,
    changes: Mapping[Key, EffectChange] | None = None,
) -> Verdict:
    """The verdict; ``changes`` are effects that are no longer what they were."""
    changed = changes or {}
    return judge(
        [replace(item, change=changed.get(item.key)) for item in evidence],
        checks=[
            ValidityCheck(name=check.name, status=check.status, detail=check.detail)
            for check in validity.checks
        ],
        progress=progress_of(standing),
        alpha=standing.experiment.alpha,
        without_units=standing.without_units,
    )


def evidence_of(
    experiment: Experiment, metrics: Sequence[MetricEffects], *, fixed: bool
) -> list[MetricEvidence]:
    """Every metric of every treatment with traffic, measured or not, and what is missing.

    With ``fixed`` the intervals of one look decide, after an unwatched end.
    """
    planned = [variant.variant_id for variant in experiment.treatments if variant.weight > 0]
    found = []
    for effects in metrics:
        compared = {item.variant: item for item in effects.comparisons}
        for variant in dict.fromkeys([*planned, *compared]):
            comparison = compared.get(variant)
            found.append(
                _missing(effects, variant)
                if comparison is None
                else _one(effects.definition, comparison, fixed=fixed)
            )
    return found


def dropped_guardrails(experiment: Experiment, names: Sequence[str]) -> list[MetricEvidence]:
    """Guardrails that were read and are defined no more: nothing ships past them unmeasured."""
    return [
        MetricEvidence(
            metric=name,
            variant=variant.variant_id,
            role="guardrail",
            estimate=math.nan,
            standard_error=math.nan,
            ci_lower=-math.inf,
            ci_upper=math.inf,
            p_value=1.0,
            margin=0.0,
            detail="it was a guardrail when results were first read and is defined no more: "
            "define it again",
        )
        for name in names
        for variant in experiment.treatments
        if variant.weight > 0
    ]


def as_decision(verdict: Verdict) -> Decision:
    """The verdict as the analysis keeps it."""
    return Decision(
        decision=verdict.decision,
        variant=verdict.variant,
        deciding=verdict.deciding,
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
    """The effects with the adjusted p-values that the verdict used."""
    return tuple(
        replace(
            effects,
            comparisons=tuple(
                replace(
                    item,
                    adjusted_p_value=verdict.adjusted_p_values.get(_key(item)),
                    harm_p_value=verdict.harm_p_values.get(_key(item)),
                )
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
        units_per_day=standing.units / days if days else None,
        finished=plan.status in FINISHED_STATUSES,
    )


def smallest_share(experiment: Experiment) -> float:
    """The rarest live variant's planned share of the units."""
    weights = [variant.weight for variant in experiment.variants if variant.weight > 0]
    return min(weights) / sum(weights) if weights else 0.5


def _key(comparison: Comparison) -> Key:
    return comparison.metric, comparison.variant


def _missing(effects: MetricEffects, variant: str) -> MetricEvidence:
    """A metric that a treatment was not compared on."""
    metric = effects.definition
    return MetricEvidence(
        metric=metric.name,
        variant=variant,
        role=metric.role,
        estimate=math.nan,
        standard_error=math.nan,
        ci_lower=-math.inf,
        ci_upper=math.inf,
        p_value=1.0,
        direction=metric.direction,
        mde=metric.mde,
        margin=metric.margin,
        detail=f"{effects.gaps.get(variant) or effects.detail or 'nothing was measured'} "
        f"({metric.event_type!r} events)",
    )


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
        detail=_lacking(metric, comparison),
    )


def _lacking(metric: MetricDefinition, comparison: Comparison) -> str:
    """What there is to say where the interval is missing."""
    nothing = comparison.mean_control == 0.0 and comparison.mean_treatment == 0.0
    if nothing and metric.kind != "quantile":
        return f"no unit of either variant has anything but 0 ({metric.event_type!r} events)"
    return comparison.note or ""
