"""The answers of ``predict_experiment_outcome`` and ``forecast_calibration``."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from neonblue.tools.results.content import Chart
from neonblue.tools.results.figure import Answer, Fenced, Figure


class OutcomeProbabilities(Answer):
    """They sum to 1. Success is a shipped winner, failure a proven harm."""

    success: Figure
    failure: Figure
    neutral: Figure


class RecommendedSize(Answer):
    """Totals over all variants; watched ones may be looked at any time."""

    mde: Figure
    units_one_look: int | None
    units_watched: int | None
    days_one_look: Figure | None
    days_watched: Figure | None
    units_per_day: Figure | None
    missing: list[str]


class RiskFactor(Answer):
    """What may go wrong and what to do about it."""

    code: str
    detail: str
    suggestion: str


class RestsOn(Answer):
    """A past experiment that the forecast rests on."""

    experiment_id: str
    name: Fenced
    similarity: Figure
    resemblance: Figure = Field(description="how alike its effect is expected to be, 0 to 1")
    outcome: str | None
    relative_lift: Figure | None


class OutcomeForecast(Answer):
    """What an experiment is likely to find."""

    status: Literal["available", "insufficient_data"]
    experiment_id: str
    outcome_probabilities: OutcomeProbabilities | None
    relative_lift: Figure | None = Field(description="expected, positive is better")
    ci_lower: Figure | None
    ci_upper: Figure | None
    ci_level: Figure | None
    chance_to_win: Figure | None
    recommended_size: RecommendedSize
    risk_factors: list[RiskFactor]
    rests_on: list[RestsOn]
    past_experiments: int
    base_rates: dict[str, Figure]
    text_probability: Figure | None = Field(description="text model: treatment beats control")
    model_version: str
    forecast_id: str | None = Field(description="its entry in the log; null if not logged")
    detail: str


class ReliabilityRow(Answer):
    """Forecasts of about this probability, and how often they came true."""

    mean_forecast: Figure
    share_happened: Figure
    forecasts: int


class ModelCalibration(Answer):
    """Scores of one model version; null while too few are resolved. Skill above 0 beats base."""

    model_version: str
    made: int
    resolved: int
    brier: Figure | None
    log_score: Figure | None
    calibration_error: Figure | None
    brier_skill: Figure | None
    log_skill: Figure | None
    lift_interval_coverage: Figure | None
    reliability: list[ReliabilityRow]


class TextModelAnswer(Answer):
    """The model of variants' texts; accuracy and log loss on held-out tests.

    It is trained by itself when ``waiting`` reaches ``after``; 0 is never.
    """

    version: str | None
    pairs: int | None
    accuracy: Figure | None
    log_loss: Figure | None
    training_now: bool
    waiting: int
    after: int
    last_outcome: str
    last_detail: str
    last_at: datetime | None


class ForecastRecordAnswer(Answer):
    """The public record of all forecasts."""

    status: Literal["available", "insufficient_data"]
    log_unbroken: bool = Field(description="false: the log was tampered with, see log_check")
    log_check: str
    detail: str
    text_model: TextModelAnswer
    models: list[ModelCalibration]
    charts: list[Chart] = Field(default_factory=list)
