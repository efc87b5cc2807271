"""From an analysis to the answer of ``analyze_experiment_performance``."""

from __future__ import annotations

import math
from collections.abc import Sequence

from neonblue.intelligence.context import Context
from neonblue.intelligence.deciding import (
    Basis,
    Deciding,
    basis_of,
    comparisons_of,
    deciding,
    leading_primary,
)
from neonblue.intelligence.effect_words import covariate_name
from neonblue.intelligence.evidence import (
    Analysis,
    Comparison,
    MetricEffects,
    SegmentBreakdown,
)
from neonblue.intelligence.narrative import NARRATOR, recommend, summarise
from neonblue.intelligence.sensitivity import impact, sensitivity
from neonblue.models.lifecycle import FINISHED_STATUSES
from neonblue.stores.looks import Look
from neonblue.tools.results import performance as answer
from neonblue.tools.results.content import Chart

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
    drawn: Sequence[Chart] = (),
    page: str | None = None,
) -> answer.Performance:
    """The whole answer; ``metrics`` narrows what is listed, never what was decided.

    ``drawn`` are its pictures; ``page`` is the report in Markdown where it was asked for.
    """
    shown, found = _chosen(analysis, metrics), deciding(analysis)
    return answer.Performance(
        experiment_id=analysis.experiment.experiment_id,
        summary=summarise(analysis),
        status=analysis.experiment.status,
        verdict=answer.Verdict.model_validate(analysis.decision),
        statistical_significance=_significance(analysis, found),
        confidence_interval=_interval(analysis, found),
        validity=_validity(analysis, full),
        look=_look(analysis),
        as_of=analysis.as_of,
        name=analysis.experiment.name,
        narrated_by=NARRATOR,
        recommendations=list(recommend(analysis)),
        predicted_outcomes=_prediction(context),
        similar_experiment_insights=_insights(context),
        impact=_impact(analysis),
        metrics=[_metric(effects, analysis) for effects in shown],
        segments=_segments(analysis.segments, full) if analysis.segments else None,
        effects_by_days=[
            answer.EffectByDays.model_validate(effect)
            for effect in analysis.by_days[:MOST_EFFECTS_BY_DAYS]
        ],
        looks=[answer.PastLook.model_validate(look) for look in looks],
        details=[*analysis.notes, *(analysis.prior_notes if full else ())],
        charts=list(drawn),
        report=page,
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


def _validity(analysis: Analysis, full: bool) -> answer.Validity:
    """With the checks that pass only where everything is asked for."""
    folded = [c for c in analysis.validity.checks if c.status == "pass" and not full]
    return answer.Validity(
        status=analysis.validity.status,
        srm_p_value=analysis.validity.srm_p_value,
        srm_sequential_p_value=analysis.validity.srm_sequential_p_value,
        checks=[
            answer.Check.model_validate(c) for c in analysis.validity.checks if c not in folded
        ],
        passed=[check.name for check in folded],
    )


def _look(analysis: Analysis) -> answer.Look:
    look, pace = analysis.look, analysis.units_per_day
    left = max(0, look.planned_units - look.units) if look.planned_units else None
    ended = analysis.experiment.status in FINISHED_STATUSES
    return answer.Look(
        recorded=look.recorded,
        number=look.number,
        units=look.units,
        planned_units=look.planned_units,
        fixed_horizon="withheld"
        if analysis.validity.failed
        else "shown"
        if look.fixed_horizon_shown
        else "withheld_until_planned_n",
        units_per_day=pace,
        days_to_planned_units=left / pace if left and pace and not ended else None,
        detail=look.detail,
    )


def _metric(effects: MetricEffects, analysis: Analysis) -> answer.Metric:
    plan = effects.definition
    return answer.Metric(
        metric=plan.name,
        role=plan.role,
        kind=plan.kind,
        direction=plan.direction,
        status=effects.status,
        detail=effects.detail,
        comparisons=[
            _comparison(found, analysis)
            for found in comparisons_of(analysis)
            if found.metric.name == plan.name
        ],
    )


def _comparison(found: Deciding, analysis: Analysis) -> answer.Comparison:
    reach = sensitivity(analysis.experiment, found)
    adjusted = found.comparison.covariate_variance_reduction is not None
    fixed = analysis.look.fixed_horizon_decides
    return answer.Comparison.model_validate(found.comparison).model_copy(
        update={
            "decided_by": found.basis,
            "decides": analysis.decision.deciding == found.key,
            "covariate": covariate_name(found.metric) if adjusted else None,
            "detectable_lift": reach.detectable_lift if reach else None,
            "power_reached": reach.power_reached if reach else None,
            **_counting(found.comparison, fixed=fixed),
        }
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


def _impact(analysis: Analysis) -> answer.Impact | None:
    found = impact(leading_primary(analysis), analysis.units_per_day)
    return None if found is None else answer.Impact.model_validate(found)


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
