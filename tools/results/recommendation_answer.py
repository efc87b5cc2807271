"""Shapes recommendations for the wire."""

import math

from neonblue.intelligence.narrative import NARRATOR
from neonblue.intelligence.recollection.insights import PastExperiment
from neonblue.intelligence.recommendation.goal import chance_to_serve
from neonblue.intelligence.recommendation.improvement import Improvement
from neonblue.intelligence.recommendation.next_tests import Recommendations
from neonblue.intelligence.recommendation.ranking import RankedIdea
from neonblue.models.written_text import fenced
from neonblue.tools.results import recommendation as answer

SHOWN_SIMILAR = 5
REMEMBERED = frozenset({"pattern", "winner", "segment"})


def recommendations(found: Recommendations) -> answer.ExperimentRecommendations:
    """The ranked experiments."""
    return answer.ExperimentRecommendations(
        status=found.status,
        detail=found.detail,
        unchecked=list(found.unchecked),
        considered=found.considered,
        narrated_by=NARRATOR,
        recommendations=[
            _experiment(one, found.running.get(one.idea.kind, ())) for one in found.ranked
        ],
    )


def optimization(found: Improvement) -> answer.ExperimentOptimization:
    """The steps for one experiment."""
    return answer.ExperimentOptimization(
        experiment_id=found.analysis.experiment.experiment_id,
        decision=found.analysis.decision.decision,
        trust=found.diagnosis.trust,
        steps=[
            answer.OptimizationStep(
                action=step.action,
                detail=step.why,
                evidence=[answer.EvidenceLink.model_validate(link) for link in step.evidence],
                tool=step.tool,
                arguments=dict(step.arguments),
            )
            for step in found.steps
        ],
        similar_experiments=[similar_one(item) for item in found.similar[:SHOWN_SIMILAR]],
        narrated_by=NARRATOR,
    )


def similar_one(found: PastExperiment) -> answer.SimilarOne:
    """A past experiment that resembles the one that is asked about."""
    return answer.SimilarOne(
        experiment_id=found.experiment_id,
        similarity=found.similarity,
        outcome=found.outcome,
        relative_lift=found.improvement,
    )


def _experiment(one: RankedIdea, conflicts: tuple[str, ...]) -> answer.RecommendedExperiment:
    idea, sizing = one.idea, one.sizing
    days = sizing.days_watched
    return answer.RecommendedExperiment(
        type=idea.kind,
        hypothesis=_shown(one, idea.hypothesis),
        fits_goal=chance_to_serve(one.likeness),
        confidence=one.outlook.probabilities["success"],
        confidence_rests_on=one.basis,
        worth=one.worth,
        based_on_patterns=[answer.EvidenceLink.model_validate(link) for link in idea.evidence],
        recommended_variants=_variants(one),
        timing=answer.Timing(
            start=f"after {', '.join(conflicts)}" if conflicts else "any full week",
            full_weeks=None if days is None else math.ceil(days / 7),
            conflicts=list(conflicts),
        ),
        units_one_look=sizing.units_one_look,
        units_watched=sizing.units_watched,
        days_watched=days,
        implementation_effort=one.effort,
        source=idea.source,
        next_call={
            "tool": "predict_experiment_outcome",
            "arguments": {
                "config": {
                    "name": _shown(one, idea.changes[0][:200]),
                    "type": idea.kind,
                    "industry": idea.industry,
                    "hypothesis": _shown(one, idea.hypothesis[:500]),
                }
            },
        },
    )


def _shown(one: RankedIdea, text: str) -> str:
    """Fenced where the idea repeats what people wrote about past experiments; else it is ours."""
    return fenced(text) if one.idea.source in REMEMBERED else text


def _variants(one: RankedIdea) -> list[answer.RecommendedVariant]:
    control = answer.RecommendedVariant(variant="control", change="as it is today")
    treatments = [
        answer.RecommendedVariant(
            variant=f"treatment_{row}",
            change=_shown(one, change),
            relative_lift=one.outlook.expected_lift,
            ci_lower=one.outlook.lift_lower,
            ci_upper=one.outlook.lift_upper,
        )
        for row, change in enumerate(one.idea.changes, start=1)
    ]
    return [control, *treatments]
