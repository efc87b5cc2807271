"""What an experiment is likely to find, and how past forecasts came true."""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

from fastmcp.dependencies import Shared
from fastmcp.tools import ToolResult
from pydantic import BaseModel, Field, WithJsonSchema

from neonblue.tools.effect import records
from neonblue.tools.schema import short_schema
from neonblue.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from neonblue.intelligence.forecast.plan import ForecastPlan

Positive = Annotated[float, Field(gt=0)]


class ExperimentConfig(BaseModel):
    """An experiment that is planned; more detail makes a sharper forecast."""

    name: str = Field(min_length=1, max_length=300)
    experiment_id: str | None = Field(None, description="the id it will run under, to be judged")
    description: str = Field("", max_length=5000)
    hypothesis: str = Field("", max_length=2000)
    type: str = Field("", description="e.g. pricing, checkout, copy")
    industry: str = ""
    variants: list[str] = Field([], description="texts, control first; default two")
    metric: str = "conversion"
    metric_kind: Literal["proportion", "mean"] = "proportion"
    baseline: float | None = Field(None, description="control's rate or mean, e.g. 0.1")
    baseline_sd: Positive | None = Field(None, description="for a mean")
    mde: Positive | None = Field(None, description="least relative lift that matters, e.g. 0.05")
    planned_sample_size: int | None = Field(None, gt=0, description="total")
    units_per_day: Positive | None = Field(None, description="default: observed traffic")
    guardrails: list[str] = []
    alpha: float = Field(0.05, gt=0, lt=0.5)
    power: float = Field(0.8, gt=0.05, lt=0.999)


# Spelled out where it is used, for clients that do not follow references in a schema.
Config = Annotated[ExperimentConfig, WithJsonSchema(short_schema(ExperimentConfig))]


@records(title="Forecast an experiment")
def predict_experiment_outcome(
    config: Config, workspace: Workspace = Shared(open_workspace)
) -> ToolResult:
    """Forecast a planned experiment: outcome odds, expected lift, size, risks, evidence.

    Use it before launch; for a running or finished one use analyze_experiment_performance. Rests
    on the organisation's own finished experiments; insufficient_data below three. The forecast is
    logged for good and judged when experiment_id ends: see forecast_calibration.

    Args:
        config: The plan, e.g. {"name": "Annual plan first", "baseline": 0.1, "mde": 0.05}.
    """
    from neonblue.intelligence.forecast.forecasting import forecast
    from neonblue.tools.results.content import with_pictures
    from neonblue.tools.results.forecast_answer import outcome_forecast

    workspace.learner.catch_up()
    made = forecast(
        workspace.store,
        workspace.memory,
        _plan(config),
        now=datetime.now(UTC),
        text_model=workspace.text_model.get(),
    )
    return with_pictures(outcome_forecast(made))


@records(title="How forecasts came true")
def forecast_calibration(
    chart: bool = False, workspace: Workspace = Shared(open_workspace)
) -> ToolResult:
    """Judge past forecasts: Brier, log score, calibration, skill against the base rate.

    Forecasts are logged before launch, never edited, and resolved when their experiment ends.
    Trust new forecasts as far as this record goes: skill at or below 0 means no better than base
    rates.

    Args:
        chart: Also draw the reliability diagram.
    """
    from neonblue.intelligence.forecast.calibration import calibrate
    from neonblue.intelligence.pictures import reliability_picture
    from neonblue.intelligence.text_model.standing import text_model_standing
    from neonblue.tools.results.content import charts, with_pictures
    from neonblue.tools.results.forecast_answer import forecast_record

    workspace.learner.catch_up(at_once=True)
    log = workspace.store.forecasts
    found = calibrate(log.all())
    pictures = [reliability_picture(found[0].reliability if found else ())] if chart else []
    standing = text_model_standing(
        workspace.store, workspace.text_models, after=workspace.retrainer.after
    )
    drawn = charts(pictures, workspace.charts)
    return with_pictures(forecast_record(found, standing, log.check(), drawn), pictures)


def _plan(config: ExperimentConfig) -> "ForecastPlan":
    from neonblue.intelligence.forecast.plan import ForecastPlan, described_experiment

    name = config.experiment_id or re.sub(r"[^a-z0-9]+", "_", config.name.lower()).strip("_")
    return ForecastPlan(
        experiment=described_experiment(
            name or "unnamed",
            name=config.name,
            description=config.description,
            hypothesis=config.hypothesis,
            experiment_type=config.type,
            industry=config.industry,
            variants=tuple(config.variants),
            alpha=config.alpha,
            power=config.power,
        ),
        metric=config.metric,
        metric_kind=config.metric_kind,
        baseline=config.baseline,
        baseline_sd=config.baseline_sd,
        mde=config.mde,
        planned_sample_size=config.planned_sample_size,
        units_per_day=config.units_per_day,
        guardrails=tuple(config.guardrails),
    )


TOOLS = (predict_experiment_outcome, forecast_calibration)
