"""The answer of ``analyze_experiment_performance``."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from neonblue.tools.results.content import Chart
from neonblue.tools.results.figure import Answer, Fenced, Figure


class Reason(Answer):
    """Why the verdict is what it is, for machines (``code``) and people (``detail``)."""

    code: str
    detail: str
    metric: str | None = None
    variant: str | None = None


class Verdict(Answer):
    """The decision and what to do next."""

    decision: Literal[
        "invalid",
        "keep_running",
        "rollback",
        "ship",
        "review",
        "no_meaningful_effect",
        "inconclusive",
    ]
    next_step: str
    variant: str | None = Field(description="the one to roll out or to stop")
    eta_days: Figure | None = Field(description="null where nothing can be projected; see reasons")
    reasons: list[Reason]


class Check(Answer):
    """One question about trust, and its answer."""

    name: str
    status: Literal["pass", "warn", "fail", "unknown"]
    detail: str
    metrics: list[str] = Field(default_factory=list, description="those that it warns of")


class Validity(Answer):
    """Whether the numbers can be trusted at all."""

    status: Literal["valid", "warning", "invalid"]
    srm_p_value: Figure | None = Field(description="one-look test of the counts, for reading")
    srm_sequential_p_value: Figure | None = Field(
        description="anytime-valid test of the counts; below .001 makes the experiment invalid"
    )
    checks: list[Check] = Field(description="a concise answer has those that do not pass")
    passed: list[str] = Field(default_factory=list, description="the names of the others")


class Significance(Answer):
    """The comparison that the verdict rests on, in one line; p is adjusted for its direction."""

    status: Literal["available", "withheld", "insufficient_data"]
    significant: bool | None = None
    p_value: Figure | None = None
    alpha: float
    method: Literal["anytime_valid", "fixed_horizon"]
    metric: str | None = None
    variant: str | None = None
    detail: str = ""


class Interval(Answer):
    """The interval that the verdict rests on, on the absolute scale."""

    status: Literal["available", "withheld", "insufficient_data"]
    ci_lower: Figure | None = None
    ci_upper: Figure | None = None
    level: float
    method: Literal["anytime_valid", "fixed_horizon"]
    scale: Literal["absolute_difference"] = "absolute_difference"
    metric: str | None = None
    variant: str | None = None


class Look(Answer):
    """The ledger's entry of this analysis; null figures when no look was recorded."""

    recorded: bool
    number: int
    units: int
    planned_units: int | None
    fixed_horizon: Literal["shown", "withheld_until_planned_n", "withheld"]
    units_per_day: Figure | None = None
    days_to_planned_units: Figure | None = Field(None, description="at this pace")
    detail: str


class PastLook(Answer):
    """One earlier look at the metric that decides, as the ledger has it: history."""

    looked_at: datetime
    actor: str
    variant: str = Field(validation_alias="variant_id")
    units: int
    absolute_difference: Figure | None = Field(validation_alias="estimate")
    ci_lower: Figure | None
    ci_upper: Figure | None
    running_p_value: Figure | None = Field(
        description="least anytime-valid p up to then; history, decides nothing"
    )


class FixedHorizon(Answer):
    """The textbook test, shown only when the planned number of units has been reached."""

    method: str
    p_value: Figure | None
    ci_lower: Figure | None
    ci_upper: Figure | None
    relative_ci_lower: Figure | None
    relative_ci_upper: Figure | None
    degrees_of_freedom: Figure | None = None


class Comparison(Answer):
    """One variant against control; ``ci`` and ``p_value`` are those that count, ``decided_by``.

    Before a declared end they hold however often one looks; the textbook's stand in
    ``fixed_horizon``.
    """

    variant: str
    decides: bool = Field(default=False, description="the verdict rests on this comparison")
    decided_by: Literal["anytime_valid", "fixed_horizon"] = Field(
        default="anytime_valid", description="which of the two intervals counts here"
    )
    n_control: int
    n_treatment: int
    mean_control: Figure | None
    mean_treatment: Figure | None
    absolute_difference: Figure | None
    ci_lower: Figure | None
    ci_upper: Figure | None
    relative_lift: Figure | None
    relative_ci_lower: Figure | None
    relative_ci_upper: Figure | None
    p_value: Figure | None
    fixed_horizon: FixedHorizon | None
    chance_to_win: Figure | None
    expected_loss: Figure | None
    shrunk_relative_lift: Figure | None
    adjusted_p_value: Figure | None = Field(
        default=None, description="that it is better, over all primary metrics and treatments"
    )
    harm_p_value: Figure | None = Field(
        default=None, description="that it is worse, over all that can raise the alarm"
    )
    shrunk_ci_lower: Figure | None = None
    shrunk_ci_upper: Figure | None = None
    covariate: str | None = Field(None, description="the difference is adjusted by it")
    covariate_variance_reduction: Figure | None = None
    detectable_lift: Figure | None = Field(
        None, description="least relative lift that would be found now, with the plan's power"
    )
    power_reached: Figure | None = Field(None, description="chance to have found the mde by now")
    detail: str | None = Field(default=None, validation_alias="note")


class Metric(Answer):
    """One metric over all variants."""

    metric: str
    role: Literal["primary", "secondary", "guardrail"]
    kind: Literal["proportion", "mean", "ratio", "quantile"]
    direction: Literal["increase", "decrease"]
    status: Literal["available", "withheld", "insufficient_data"]
    detail: str = ""
    comparisons: list[Comparison]


class SegmentEffect(Answer):
    """One segment against its complement, for one metric and variant."""

    value: Fenced
    metric: str
    variant: str
    n_control: int
    n_treatment: int
    absolute_difference: Figure | None
    ci_lower: Figure | None
    ci_upper: Figure | None
    mean_control: Figure | None
    mean_treatment: Figure | None
    relative_lift: Figure | None
    relative_ci_lower: Figure | None
    relative_ci_upper: Figure | None
    difference_from_rest: Figure | None
    p_value_difference: Figure | None = Field(
        validation_alias="p_value", description="that it differs from the rest, not from 0"
    )
    adjusted_p_value: Figure | None = Field(description="the same over all segments")
    differs: bool | None


class SegmentBreakdown(Answer):
    """Results by one exposure property. Exploratory: adjusted over all its segments."""

    segment: str
    status: Literal["available", "withheld", "insufficient_data"]
    method: str
    detail: str
    segments_left_off: int
    segments: list[SegmentEffect]


class SpanLift(Answer):
    """The lift in one span of days since first exposure; limits hold at every look."""

    from_day: Figure
    to_day: Figure
    relative_lift: Figure | None
    ci_lower: Figure | None
    ci_upper: Figure | None


class EffectByDays(Answer):
    """Whether an effect fades (novelty) or grows (learning) with the days since exposure."""

    metric: str
    variant: str
    units: int
    trend: Literal["novelty", "learning", "none"]
    p_value: Figure
    spans: list[SpanLift]


class SimilarInsight(Answer):
    """A past experiment that resembles this one and how it ended."""

    experiment_id: str
    name: Fenced
    similarity: Figure
    outcome: str
    relative_lift: Figure | None


class SimilarInsights(Answer):
    """What memory knows of experiments like this one."""

    status: Literal["available", "insufficient_data", "not_available"]
    detail: str
    experiments: list[SimilarInsight]


class PredictedOutcome(Answer):
    """A forecast about this experiment, never evidence for its verdict."""

    status: Literal["available", "insufficient_data", "not_available"]
    detail: str
    chance_to_win: Figure | None = None
    relative_lift: Figure | None = None
    ci_lower: Figure | None = None
    ci_upper: Figure | None = None


class Impact(Answer):
    """A month of this traffic with the treatment for all, less one with control for all."""

    metric: str
    variant: str
    units_per_day: Figure
    per_month: Figure
    ci_lower: Figure
    ci_upper: Figure


class Performance(Answer):
    """How an experiment is doing and what to do about it."""

    experiment_id: str
    summary: str
    status: str
    verdict: Verdict
    statistical_significance: Significance
    confidence_interval: Interval
    validity: Validity
    look: Look
    as_of: datetime
    name: Fenced
    narrated_by: str
    recommendations: list[str]
    predicted_outcomes: PredictedOutcome
    similar_experiment_insights: SimilarInsights
    impact: Impact | None = None
    metrics: list[Metric]
    effects_by_days: list[EffectByDays] = Field(default_factory=list, description="detail=full")
    segments: SegmentBreakdown | None = None
    looks: list[PastLook] = Field(default_factory=list, description="newest last; detail=full")
    details: list[str] = Field(default_factory=list)
    charts: list[Chart] = Field(default_factory=list)
    report: str | None = Field(None, description="a page of Markdown; detail=report")
