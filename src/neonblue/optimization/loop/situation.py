"""Where one experiment of the loop stands: what the rules look at, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from neonblue.intelligence.evidence import Comparison, Decision, MetricEffects, Validity
from neonblue.models import Experiment
from neonblue.models.experiment import ExperimentStatus
from neonblue.stats.programme import EndedTest
from neonblue.stats.verdict_evidence import VerdictDecision


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One experiment at one moment.

    ``decision`` is None where nothing was analysed. ``success_p_value`` is the two-sided adjusted
    p of ``variant`` on the primary metrics. ``evidence`` is the best treatment's z on its primary
    metric and its units over the planned ones; None before anything is measured. Days are since
    the first exposure and since the last roll-out step; None where there was none. ``winner`` is
    the treatment that it was concluded with, None where nothing won or nothing is concluded.
    ``feed_returned``: it was paused because its data had stopped coming, and some came since.
    """

    experiment_id: str
    status: ExperimentStatus
    state_version: int
    decision: VerdictDecision | None = None
    variant: str | None = None
    success_p_value: float | None = None
    evidence: EndedTest | None = None
    failed_checks: tuple[str, ...] = ()
    units: int = 0
    days: float | None = None
    winner: str | None = None
    roll_out_fraction: float = 0.0
    days_since_step: float | None = None
    crossed_limits: tuple[str, ...] = ()
    feed_returned: bool = False


def judged(
    experiment: Experiment,
    *,
    state_version: int,
    decision: Decision,
    validity: Validity,
    metrics: Sequence[MetricEffects],
    units: int,
    planned_units: int | None,
    days: float | None,
) -> Situation:
    """The situation that an analysis shows; the same for real and for simulated data."""
    best = _best(metrics) if not validity.failed else None
    deciding = _comparison(metrics, decision.deciding)
    return Situation(
        experiment_id=experiment.experiment_id,
        status=experiment.status,
        state_version=state_version,
        decision=decision.decision,
        variant=decision.variant,
        success_p_value=None if deciding is None else deciding.adjusted_p_value,
        evidence=None if best is None else evidence_of(experiment, best, planned_units),
        failed_checks=tuple(check.name for check in validity.failed),
        units=units,
        days=days,
    )


def _best(metrics: Sequence[MetricEffects]) -> tuple[MetricEffects, Comparison] | None:
    """The primary metric and treatment with the largest z on the good side."""
    return max(primary_comparisons(metrics), key=lambda pair: z_of(*pair), default=None)


def primary_comparisons(
    metrics: Sequence[MetricEffects],
) -> list[tuple[MetricEffects, Comparison]]:
    """Every treatment on every primary metric, where there is a standard error."""
    return [
        (effects, comparison)
        for effects in metrics
        if effects.definition.role == "primary"
        for comparison in effects.comparisons
        if comparison.standard_error > 0
    ]


def z_of(effects: MetricEffects, comparison: Comparison) -> float:
    """The difference in standard errors, the good direction up."""
    sign = 1.0 if effects.definition.direction == "increase" else -1.0
    return sign * comparison.absolute_difference / comparison.standard_error


def evidence_of(
    experiment: Experiment, best: tuple[MetricEffects, Comparison], planned_units: int | None
) -> EndedTest:
    """z and progress; of several treatments each has its share of the planned units."""
    effects, comparison = best
    weights = {variant.variant_id: variant.weight for variant in experiment.variants}
    pair = weights[experiment.control.variant_id] + weights[comparison.variant]
    planned = (planned_units or 0) * pair / math.fsum(weights.values())
    both = comparison.n_control + comparison.n_treatment
    return EndedTest(z=z_of(effects, comparison), progress=both / planned if planned > 0 else 1.0)


def _comparison(
    metrics: Sequence[MetricEffects], deciding: tuple[str, str] | None
) -> Comparison | None:
    return next(
        (
            comparison
            for effects in metrics
            for comparison in effects.comparisons
            if deciding == (comparison.metric, comparison.variant)
        ),
        None,
    )
