"""Shapes forecasts and their record for the wire."""

from collections.abc import Sequence

from neonblue.intelligence.forecast.calibration import Calibration
from neonblue.intelligence.forecast.forecasting import Forecast
from neonblue.intelligence.forecast.past import SimilarExperiment
from neonblue.intelligence.text_model.standing import TextModelStanding
from neonblue.stores.chained_log import ChainCheck
from neonblue.tools.results.content import Chart
from neonblue.tools.results.forecast import (
    ForecastRecordAnswer,
    ModelCalibration,
    OutcomeForecast,
    OutcomeProbabilities,
    RecommendedSize,
    RestsOn,
    RiskFactor,
    TextModelAnswer,
)


def outcome_forecast(made: Forecast) -> OutcomeForecast:
    """Shape a forecast."""
    outlook = made.outlook
    return OutcomeForecast(
        status=made.status,
        experiment_id=made.experiment_id,
        outcome_probabilities=None
        if outlook is None
        else OutcomeProbabilities(**outlook.probabilities),
        relative_lift=outlook.expected_lift if outlook else None,
        ci_lower=outlook.lift_lower if outlook else None,
        ci_upper=outlook.lift_upper if outlook else None,
        ci_level=outlook.interval_level if outlook else None,
        chance_to_win=outlook.chance_of_improvement if outlook else None,
        recommended_size=RecommendedSize.model_validate(
            {**_fields(made), "missing": list(made.sizing.missing)}
        ),
        risk_factors=[RiskFactor.model_validate(risk) for risk in made.risks],
        rests_on=[_rests_on(item) for item in made.similar],
        past_experiments=made.past_experiments,
        base_rates=made.base_rates,
        text_probability=made.text_probability,
        model_version=made.model_version,
        forecast_id=made.logged_as,
        detail=made.detail,
    )


def forecast_record(
    found: list[Calibration],
    text_model: TextModelStanding,
    check: ChainCheck,
    drawn: Sequence[Chart] = (),
) -> ForecastRecordAnswer:
    """Shape the record of all forecasts."""
    scored = any(one.brier is not None for one in found)
    detail = "" if scored else "scores need 5 forecasts whose experiments have ended"
    if not check.unbroken:
        detail = f"{check.line}: do not trust these scores. {detail}".strip()
    return ForecastRecordAnswer(
        status="available" if scored else "insufficient_data",
        log_unbroken=check.unbroken,
        log_check=check.line,
        detail=detail,
        text_model=TextModelAnswer.model_validate(text_model),
        models=[ModelCalibration.model_validate(one) for one in found],
        charts=list(drawn),
    )


def _fields(made: Forecast) -> dict[str, object]:
    sizing = made.sizing
    return {
        name: getattr(sizing, name) for name in RecommendedSize.model_fields if name != "missing"
    }


def _rests_on(item: SimilarExperiment) -> RestsOn:
    past = item.past
    return RestsOn(
        experiment_id=past.experiment_id,
        name=past.name,
        similarity=past.similarity,
        resemblance=item.resemblance,
        outcome=past.outcome,
        relative_lift=past.improvement,
    )
