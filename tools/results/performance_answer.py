"""From an analysis to the answer of ``analyze_experiment_performance``."""

from __future__ import annotations

import math
from collections.abc import Sequence

from neonblue.intelligence.context import Context
from neonblue.intelligence.deciding import Basis, Deciding, basis_of, deciding
from neonblue.intelligence.evidence import (
    Analysis,
    Comparison,
    MetricEffects,
    RecordedLook,
    SegmentBreakdown,
)
from neonblue.intelligence.narrative import NARRATOR, recommend, summarise
from neonblue.stores.looks import Look
from neonblue.tools.results import performance as answer

MOST_SEGMENTS = 20
MOST_SEGMENTS_FULL = 200
MOST_EFFECTS_BY_DAYS = 12


def performance(
    analysis: Analysis,
    context: Context,
    *,
    metrics: Sequence[str] | None,
    full: bool,
    looks: Sequence[Look] = (),
) -> answer.Performance:
    """The whole answer; ``metrics`` narrows what is listed, never what was decided."""
    shown, found = _chosen(analysis, metrics), deciding(analysis)
    return answer.Performance(
        experiment_id=analysis.experiment.experiment_id,
        summary=summarise(analysis),
        status=analysis.experiment.status,
        verdict=answer.Verdict.model_validate(analysis.decision),
        statistical_significance=_significance(analysis, found),
        confidence_interval=_interval(analysis, found),
        validity=_validity(analysis),
        look=_look(analysis.look, invalid=bool(analysis.validity.failed)),
        as_of=analysis.as_of,
        name=analysis.experiment.name,
        narrated_by=NARRATOR,
        recommendations=list(recommend(analysis)),
        predicted_outcomes=_prediction(context),
        similar_experiment_insights=_insights(context),
        metrics=[_metric(effects, analysis) for effects in shown],
        segments=_segments(analysis.segments, full) if analysis.segments else None,
        effects_by_days=[
            answer.EffectByDays.model_validate(effect)
            for effect in analysis.by_days[:MOST_EFFECTS_BY_DAYS]
        ],
        looks=[answer.PastLook.model_validate(look) for look in looks],
        details=list(analysis.notes),
    )


def _chosen(analysis: Analysis, names: Sequence[str] | None) -> list[MetricEffects]:
    return [e for e in analysis.metrics if names is None or e.definition.name in names]


def _significance(analysis: Analysis, found: Deciding | None) -> answer.Significance:
    alpha = analysis.experiment.alpha
    if found is None:
        return answer.Significance(
            status="withheld" if analysis.validity.failed else "insufficient_data",
            alpha=alpha,
            method=_method(analysis),
            detail=analysis.decision.reasons[0].detail if analysis.decision.reasons else "",
        )
    shown = found.ci_lower > 0.0 or found.ci_upper < 0.0
    once = found.basis == "fixed_horizon"
    return answer.Significance(
        status="available",
        significant=shown and found.p_value <= alpha,
        p_value=found.p_value,
        alpha=alpha,
        method=found.basis,
        metric=found.metric.name,
        variant=found.comparison.variant,
        detail=("one test at the end" if once else "holds at every look")
        + (", for harm" if found.harmful else ", for success"),
    )


def _interval(analysis: Analysis, found: Deciding | None) -> answer.Interval:
    level = 1 - analysis.experiment.alpha
    if found is None:
        withheld = bool(analysis.validity.failed)
        return answer.Interval(
            status="withheld" if withheld else "insufficient_data",
            level=level,
            method=_method(analysis),
        )
    return answer.Interval(
        status="available",
        ci_lower=found.ci_lower,
        ci_upper=found.ci_upper,
        level=level,
        method=found.basis,
        metric=found.metric.name,
        variant=found.comparison.variant,
    )


def _method(analysis: Analysis) -> Basis:
    return "fixed_horizon" if analysis.look.fixed_horizon_decides else "anytime_valid"


def _validity(analysis: Analysis) -> answer.Validity:
    return answer.Validity(
        status=analysis.validity.status,
        srm_p_value=analysis.validity.srm_p_value,
        srm_sequential_p_value=analysis.validity.srm_sequential_p_value,
        checks=[answer.Check.model_validate(check) for check in analysis.validity.checks],
    )


def _look(look: RecordedLook, *, invalid: bool) -> answer.Look:
    return answer.Look(
        recorded=look.recorded,
        number=look.number,
        units=look.units,
        planned_units=look.planned_units,
        fixed_horizon="withheld"
        if invalid
        else "shown"
        if look.fixed_horizon_shown
        else "withheld_until_planned_n",
        detail=look.detail,
    )


def _metric(effects: MetricEffects, analysis: Analysis) -> answer.Metric:
    plan, fixed = effects.definition, analysis.look.fixed_horizon_decides
    return answer.Metric(
        metric=plan.name,
        role=plan.role,
        kind=plan.kind,
        direction=plan.direction,
        status=effects.status,
        detail=effects.detail,
        comparisons=[
            answer.Comparison.model_validate(item).model_copy(
                update={
                    "decided_by": basis_of(item, fixed=fixed),
                    "decides": analysis.decision.deciding == (plan.name, item.variant),
                    **_counting(item, fixed=fixed),
                }
            )
            for item in effects.comparisons
        ],
    )


def _counting(item: Comparison, *, fixed: bool) -> dict[str, float | None]:
    """The interval and p that count, where these are not the sequence's."""
    once = item.fixed_horizon
    if once is None or basis_of(item, fixed=fixed) == "anytime_valid":
        return {}
    limits = {
        "ci_lower": once.deciding_ci_lower,
        "ci_upper": once.deciding_ci_upper,
        "relative_ci_lower": once.deciding_relative_ci_lower,
        "relative_ci_upper": once.deciding_relative_ci_upper,
        "p_value": once.deciding_p_value,
    }
    return {
        name: None if value is None or math.isinf(value) else value
        for name, value in limits.items()
    }


def _segments(breakdown: SegmentBreakdown, full: bool) -> answer.SegmentBreakdown:
    most = MOST_SEGMENTS_FULL if full else MOST_SEGMENTS
    shown = breakdown.effects[:most]
    return answer.SegmentBreakdown(
        segment=breakdown.segment,
        status=breakdown.status,
        method=breakdown.method,
        detail=breakdown.detail,
        segments_left_off=len(breakdown.effects) - len(shown),
        segments=[answer.SegmentEffect.model_validate(effect) for effect in shown],
    )


def _insights(context: Context) -> answer.SimilarInsights:
    return answer.SimilarInsights(
        status=context.similar_status,
        detail=context.similar_detail,
        experiments=[
            answer.SimilarInsight(
                experiment_id=item.past.experiment_id,
                name=item.past.name,
                similarity=item.past.similarity,
                outcome=item.past.outcome or item.past.decision,
                relative_lift=item.past.relative_lift,
            )
            for item in context.similar
        ],
    )


def _prediction(context: Context) -> answer.PredictedOutcome:
    expected = context.outlook
    return answer.PredictedOutcome(
        status=context.outlook_status,
        detail=context.outlook_detail,
        chance_to_win=expected.probabilities["success"] if expected else None,
        relative_lift=expected.expected_lift if expected else None,
        ci_lower=expected.lift_lower if expected else None,
        ci_upper=expected.lift_upper if expected else None,
    )
