"""Forecasts: what they rest on, that they are logged once, and that they are judged."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from neonblue.errors import InvalidInputError
from neonblue.intelligence.forecast.calibration import calibrate
from neonblue.intelligence.forecast.forecasting import forecast
from neonblue.intelligence.forecast.implied import implied_outcomes
from neonblue.intelligence.forecast.plan import ForecastPlan, described_experiment
from neonblue.intelligence.forecast.sizing import relative_standard_error, size
from neonblue.intelligence.recollection.learning import learn
from neonblue.memory.library import Memory
from neonblue.stores import Store
from neonblue.stores.forecasts import ForecastOutcome, ForecastRecord, LoggedForecast, Outcome

from .worlds import finish

NOW = datetime(2026, 4, 1, tzinfo=UTC)
PLAN = ForecastPlan(
    experiment=described_experiment(
        "annual_again",
        name="Show the annual plan first",
        description="Yearly subscription in first place on the pricing page",
        industry="saas",
    ),
    baseline=0.1,
    mde=0.05,
    units_per_day=5000,
)


@pytest.fixture
def past(store: Store, memory: Memory) -> Store:
    for number, lift in enumerate((0.10, 0.08, 0.12)):
        finish(
            store,
            f"annual_{number}",
            treatment=0.1 * (1 + lift),
            change=f"annual plan shown first on the pricing page, design {number}",
            industry="saas",
        )
    for number, lift in enumerate((-0.09, -0.11, -0.10)):
        finish(
            store,
            f"popup_{number}",
            treatment=0.1 * (1 + lift),
            change=f"a pop-up asks for the e-mail address before reading, wording {number}",
            industry="media",
        )
    learn(store, memory)
    return store


def test_similar_successes_raise_the_forecast_and_similar_failures_lower_it(
    past: Store, memory: Memory
) -> None:
    good = forecast(past, memory, PLAN, now=NOW).outlook
    popup = described_experiment(
        "popup_again", name="Pop-up", description="a pop-up asks for the e-mail address first"
    )
    bad = forecast(past, memory, replace(PLAN, experiment=popup), now=NOW).outlook
    assert good is not None
    assert bad is not None
    assert good.probabilities["success"] > 0.5 > bad.probabilities["success"]
    assert bad.probabilities["failure"] > bad.probabilities["success"]
    assert good.expected_lift > 0.03
    assert bad.expected_lift < -0.03
    assert good.lift_lower < good.expected_lift < good.lift_upper
    assert sum(good.probabilities.values()) == pytest.approx(1)


def test_it_names_the_experiments_that_it_rests_on(past: Store, memory: Memory) -> None:
    found = forecast(past, memory, PLAN, now=NOW)
    assert {item.past.experiment_id for item in found.similar[:3]} == {
        "annual_0",
        "annual_1",
        "annual_2",
    }
    assert found.past_experiments == 6


def test_with_nothing_similar_it_falls_back_on_the_whole_record(
    past: Store, memory: Memory
) -> None:
    alien = described_experiment("engine", name="Heat pump compressor firmware revision")
    found = forecast(past, memory, replace(PLAN, experiment=alien), now=NOW)
    assert found.outlook is not None
    assert abs(found.outlook.expected_lift) < 0.03
    assert found.outlook.lift_lower < -0.1 < 0.1 < found.outlook.lift_upper
    assert "nothing_similar" in {risk.code for risk in found.risks}


def test_copies_of_an_experiment_under_other_ids_are_no_evidence(
    past: Store, memory: Memory
) -> None:
    before = forecast(past, memory, PLAN, now=NOW)
    for copy in range(5):
        finish(
            past,
            f"copy_{copy}",
            treatment=0.1 * 1.12,
            change="annual plan shown first on the pricing page, design 2",
            industry="saas",
        )
    learn(past, memory)
    after = forecast(past, memory, PLAN, now=NOW)
    assert before.outlook is not None
    assert after.outlook is not None
    assert after.past_experiments == before.past_experiments == 6
    assert after.outlook.probabilities == pytest.approx(before.outlook.probabilities, abs=1e-6)


def test_without_a_past_there_is_no_invented_confidence(store: Store, memory: Memory) -> None:
    found = forecast(store, memory, PLAN, now=NOW)
    assert (found.status, found.outlook, found.logged_as) == ("insufficient_data", None, None)
    assert "neonblue load" in found.detail
    assert found.sizing.units_one_look is not None
    assert store.forecasts.all() == []


def test_a_forecast_is_logged_once_and_resolved_when_the_experiment_ends(
    past: Store, memory: Memory
) -> None:
    first = forecast(past, memory, PLAN, now=NOW)
    again = forecast(past, memory, PLAN, now=NOW + timedelta(hours=1))
    assert first.logged_as == again.logged_as
    assert len(past.forecasts.all()) == 1
    finish(past, "annual_again", treatment=0.112)
    assert learn(past, memory).forecasts_resolved == 1
    resolved = past.forecasts.all()[0].outcome
    assert resolved is not None
    assert resolved.outcome == "success"
    assert resolved.relative_lift == pytest.approx(0.12)


def test_after_the_launch_nothing_is_logged(past: Store, memory: Memory) -> None:
    finish(past, "annual_again", status="running")
    found = forecast(past, memory, PLAN, now=NOW)
    assert (found.status, found.logged_as) == ("available", None)
    assert "not ahead of its launch" in found.detail


def test_an_experiment_is_no_evidence_for_itself(past: Store, memory: Memory) -> None:
    own = described_experiment("annual_1", name="annual plan first on the pricing page")
    found = forecast(past, memory, replace(PLAN, experiment=own), now=NOW)
    assert "annual_1" not in {item.past.experiment_id for item in found.similar}


def test_sample_size_is_the_textbook_one() -> None:
    """10 % against 10.5 %, alpha 5 %, power 80 %: 57,763 a variant."""
    found = size(PLAN, 5000)
    assert found.units_one_look is not None
    assert found.units_one_look / 2 == pytest.approx(57_763, abs=2)
    assert found.units_watched is not None
    assert 1.1 < found.units_watched / found.units_one_look < 1.8
    assert found.days_one_look == pytest.approx(found.units_one_look / 5000)


def test_the_noise_at_the_planned_size_gives_the_planned_power() -> None:
    found = size(PLAN, None)
    error = relative_standard_error(PLAN, found.units_one_look)
    assert error is not None
    assert implied_outcomes(0.05, 1e-9, error, 0.05)["success"] == pytest.approx(0.8, abs=0.02)
    assert found.missing == ("units_per_day",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"baseline": 1.2}, "baseline"),
        ({"baseline": 0.0}, "baseline"),
        ({"mde": -0.1}, "mde"),
        ({"units_per_day": math.inf}, "units_per_day"),
        ({"planned_sample_size": 0}, "planned_sample_size"),
    ],
)
def test_impossible_numbers_are_refused(
    store: Store, memory: Memory, change: dict[str, float], message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        forecast(store, memory, replace(PLAN, **change), now=NOW)  # type: ignore[arg-type]


def logged(
    number: int, success: float, happened: Outcome | None, lift: float = 0.0
) -> LoggedForecast:
    failure = neutral = (1 - success) / 2
    record = ForecastRecord(
        forecast_id=f"f{number}",
        experiment_id=f"e{number}",
        model_version="m1",
        success=success,
        failure=failure,
        neutral=neutral,
        expected_lift=0.0,
        lift_lower=-0.1,
        lift_upper=0.1,
        interval_level=0.9,
        base_success=1 / 3,
        base_failure=1 / 3,
        base_neutral=1 / 3,
        evidence=(),
        plan="{}",
        made_at=NOW,
    )
    if happened is None:
        return LoggedForecast(record=record, outcome=None)
    outcome = ForecastOutcome(
        forecast_id=f"f{number}", outcome=happened, relative_lift=lift, decision="x"
    )
    return LoggedForecast(record=record, outcome=outcome)


def test_scores_are_the_textbook_ones() -> None:
    """Four right at 0.8, one wrong: Brier and log score by hand."""
    log = [logged(n, 0.8, "success") for n in range(4)] + [logged(4, 0.8, "failure", lift=0.5)]
    everything, by_model = calibrate([*log, logged(9, 0.5, None)])
    assert (everything.made, everything.resolved) == (6, 5)
    right, wrong = 0.2**2 + 2 * 0.1**2, 0.8**2 + 0.9**2 + 0.1**2
    assert everything.brier == pytest.approx((4 * right + wrong) / 5)
    assert everything.log_score == pytest.approx(-(4 * math.log(0.8) + math.log(0.1)) / 5)
    assert everything.log_score_base_rate == pytest.approx(math.log(3))
    assert everything.lift_interval_coverage == pytest.approx(0.8)
    assert everything.calibration_error == pytest.approx(0, abs=1e-9)
    assert by_model.model_version == "m1"


def test_scores_wait_for_five_resolved_forecasts() -> None:
    found = calibrate([logged(n, 0.8, "success") for n in range(4)])
    assert (found[0].resolved, found[0].brier) == (4, None)
    assert calibrate([]) == []


def test_only_the_last_forecast_of_an_experiment_counts() -> None:
    first = logged(1, 0.1, "success")
    log = [first, logged(1, 0.9, "success"), *(logged(n, 0.9, "success") for n in range(2, 6))]
    assert calibrate(log)[0].resolved == 5
    assert calibrate(log)[0].log_score == pytest.approx(-math.log(0.9))
