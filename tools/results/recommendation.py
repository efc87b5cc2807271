"""The answers of the recommendation tools."""

from typing import Any, Literal

from pydantic import Field

from neonblue.tools.results.figure import Answer, Figure


class EvidenceLink(Answer):
    """A document of the memory (search for it) or a figure and the tool that shows it."""

    kind: Literal["experiment", "pattern", "segment", "data"]
    reference: str
    detail: str


class RecommendedVariant(Answer):
    """A variant to build; the lift is the expected true one, with its 90 % interval."""

    variant: str
    change: str
    relative_lift: Figure | None = None
    ci_lower: Figure | None = None
    ci_upper: Figure | None = None


class Timing(Answer):
    """How long it takes, and what runs already."""

    start: str
    full_weeks: int | None
    conflicts: list[str] = Field(description="running experiments of the same kind")


class RecommendedExperiment(Answer):
    """An experiment worth running and why."""

    type: str
    hypothesis: str
    fits_goal: Figure = Field(description="chance that it serves the goal, by likeness of texts")
    confidence: Figure = Field(description="probability that it ships a winner")
    confidence_rests_on: str
    worth: Figure = Field(description="expected gain x probability per 100,000 units")
    based_on_patterns: list[EvidenceLink]
    recommended_variants: list[RecommendedVariant]
    timing: Timing
    units_one_look: int | None
    units_watched: int | None
    days_watched: Figure | None
    implementation_effort: str
    source: str
    next_call: dict[str, Any]


class ExperimentRecommendations(Answer):
    """What to test next, best first."""

    status: Literal["available", "nothing_fits", "insufficient_data"]
    detail: str
    unchecked: list[str] = Field(description="constraints that could not be checked, and why")
    considered: int
    narrated_by: str
    recommendations: list[RecommendedExperiment]


class OptimizationStep(Answer):
    """One thing to do now."""

    action: str
    detail: str
    evidence: list[EvidenceLink]
    tool: str
    arguments: dict[str, Any]


class SimilarOne(Answer):
    """A past experiment that resembles one; its lift is signed so that positive is better."""

    experiment_id: str
    similarity: Figure
    outcome: str | None
    relative_lift: Figure | None


class ExperimentOptimization(Answer):
    """What to change about an experiment, in the order to do it."""

    experiment_id: str
    decision: str
    trust: str
    steps: list[OptimizationStep]
    similar_experiments: list[SimilarOne]
    narrated_by: str
