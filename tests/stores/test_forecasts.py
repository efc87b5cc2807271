"""The forecast log: what was said stays said."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from neonblue.stores import Store
from neonblue.stores.forecasts import ForecastOutcome, ForecastRecord

RECORD = ForecastRecord(
    forecast_id="f1",
    experiment_id="e1",
    model_version="prior-1",
    success=0.3,
    failure=0.2,
    neutral=0.5,
    expected_lift=0.01,
    lift_lower=-0.02,
    lift_upper=0.04,
    interval_level=0.9,
    base_success=0.25,
    base_failure=0.25,
    base_neutral=0.5,
    evidence=("e0", "é"),
    plan='{"name": "x"}',
    made_at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
)


@pytest.fixture
def logged(store: Store) -> Store:
    for number in range(3):
        store.forecasts.append(replace(RECORD, forecast_id=f"f{number}"))
    return store


def test_a_forecast_is_read_as_it_was_written_in_order(logged: Store) -> None:
    assert [item.record for item in logged.forecasts.all()] == [
        replace(RECORD, forecast_id=f"f{number}") for number in range(3)
    ]


def test_the_same_id_again_changes_nothing(logged: Store) -> None:
    kept = logged.forecasts.append(replace(RECORD, forecast_id="f1", success=0.99))
    assert kept.success == 0.3
    assert len(logged.forecasts.all()) == 3


def test_the_first_outcome_stands(logged: Store) -> None:
    outcome = ForecastOutcome(
        forecast_id="f1", outcome="success", relative_lift=None, decision="ship"
    )
    assert logged.forecasts.resolve(outcome)
    assert not logged.forecasts.resolve(replace(outcome, outcome="failure", relative_lift=0.1))
    assert [item.outcome for item in logged.forecasts.all()] == [None, outcome, None]
    assert [record.forecast_id for record in logged.forecasts.open()] == ["f0", "f2"]
