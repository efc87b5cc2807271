"""Rules on resplit control units: errors stay where they are promised, lifts are found."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from neonblue.errors import ConflictError, InvalidInputError, NotFoundError
from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.optimization.calibration import calibrate_rules, calibrated, rate, with_lift
from neonblue.stores import Store
from neonblue.stores.events import event_schema

BOUGHT = MetricDefinition(name="bought", kind="proportion", event_type="purchase")
SPENT = MetricDefinition(name="spent", kind="mean", event_type="purchase", aggregation="sum")


def fill(store: Store, *, status: Any = "stopped", units: int = 4000, share: float = 0.2) -> None:
    variants = (Variant(variant_id="control", is_control=True), Variant(variant_id="b"))
    store.experiments.save(
        Experiment(
            experiment_id="past",
            status=status,
            variants=variants,
            metrics=(BOUGHT, SPENT),
            planned_sample_size=units * 2,
        )
    )
    rng, start, rows = np.random.default_rng(2), datetime.now(UTC) - timedelta(days=9), []
    for unit in range(units):
        moment = start + timedelta(minutes=unit)
        stem: dict[str, Any] = {
            "user_id": f"u{unit}",
            "experiment_id": "past",
            "variant_id": ("control", "b")[unit % 2],
            "session_id": "",
            "properties": [],
            "source": "test",
        }
        rows.append(stem | {"event_id": f"x{unit}", "event_type": "exposure", "timestamp": moment})
        if rng.random() < share:
            spent = {"event_id": f"p{unit}", "event_type": "purchase", "value": rng.exponential()}
            rows.append(stem | spent | {"timestamp": moment + timedelta(seconds=1)})
    store.events.insert(pa.Table.from_pylist(rows, schema=event_schema()))


def test_control_units_alone_are_resplit_and_the_look_is_recorded(store: Store) -> None:
    fill(store)
    found = calibrate_rules(store, "past", lifts=(0.5,), resplits=20, looks=4)
    assert found.units == 2000
    assert 0.15 < found.baseline_mean < 0.25
    null, lifted = found.results
    assert (null.relative_lift, lifted.relative_lift) == (0.0, 0.5)
    assert null.ship.share + null.rollback.share <= 0.15
    assert lifted.ship.share > 0.8
    assert lifted.units_to_decision is not None
    assert lifted.units_to_decision < 1.0
    assert len(store.database.rows("SELECT tool FROM looks WHERE metric = ''")) == 1
    again = calibrate_rules(store, "past", lifts=(0.5,), resplits=20, looks=4)
    assert again == found


@pytest.mark.parametrize("metric", [BOUGHT, SPENT], ids=["proportion", "mean"])
def test_the_rate_of_false_alarms_is_kept_where_naive_looks_lose_it(
    metric: MetricDefinition,
) -> None:
    rng = np.random.default_rng(5)
    spent = np.ones(6000) if metric is BOUGHT else rng.exponential(size=6000)
    values = np.where(rng.random(6000) < 0.2, spent, 0.0)
    found = calibrated(values, metric, lift=0.0, alpha=0.05, resplits=80, looks=8, seed=3)
    wrong = found.ship.share + found.rollback.share
    assert wrong <= 0.1
    assert found.naive.share > wrong
    assert found.covered.share >= 0.9


def test_a_lift_is_what_it_says_on_average() -> None:
    rng = np.random.default_rng(1)
    values = (rng.random(200_000) < 0.3).astype(float)
    for lift in (0.1, -0.2):
        lifted = with_lift(values, "proportion", lift, rng)
        assert set(np.unique(lifted)) == {0.0, 1.0}
        assert lifted.mean() / values.mean() - 1 == pytest.approx(lift, abs=0.01)
    assert with_lift(values * 7, "mean", 0.1, rng).mean() == pytest.approx(7.7 * values.mean())


def test_a_share_has_its_interval() -> None:
    assert rate([False] * 20).ci_upper == pytest.approx(0.161, abs=0.001)
    assert rate([True, False]).ci_lower < 0.5 < rate([True, False]).ci_upper


def test_what_cannot_be_resplit_is_one_message(store: Store) -> None:
    with pytest.raises(NotFoundError):
        calibrate_rules(store, "past")
    fill(store, status="running", units=900)
    with pytest.raises(ConflictError, match="is running with 900 units"):
        calibrate_rules(store, "past")
    store.experiments.set_status("past", "stopped", reason="", actor="test")
    for given, said in (
        ({"metric": "nope"}, "has no metric 'nope'"),
        ({"lifts": (-2.0,)}, "lift -2.0 cannot be"),
        ({"lifts": (float("nan"),)}, "lift nan cannot be"),
        ({"resplits": 0}, "0 resplits"),
        ({"resplits": 10**6}, "over 200,000"),
    ):
        with pytest.raises(InvalidInputError, match=said):
            calibrate_rules(store, "past", **given)
    few = calibrate_rules(store, "past", lifts=(), resplits=2, looks=2)
    assert len(few.results) == 1
    assert store.database.rows("SELECT count() FROM looks WHERE metric = ''") == [(1,)]


def test_a_metric_that_never_varies_is_refused(store: Store) -> None:
    fill(store, units=1000, share=0.0)
    with pytest.raises(InvalidInputError, match="has the same 'bought'"):
        calibrate_rules(store, "past")
