"""The four questions that the product was asked for, answered by rule in a world of known truth.

Finished tests of checkout and pricing with outcomes on two metrics, dates and one segment that
responds; a mobile onboarding test that runs.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from neonblue.intelligence.analysis import analyze
from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.settings import StoreSettings
from neonblue.stores.events import event_schema
from neonblue.workspace import Workspace

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
UNITS = 4_000
BASELINE = 0.12
PATIENCE_SECONDS = 60.0
COUNTRIES, DEVICES = ("US", "DE", "IN"), ("mobile", "desktop")


@dataclass(frozen=True, kw_only=True)
class Told:
    """What is true of one experiment; ``segment`` is where alone its lift is."""

    name: str
    title: str
    ended: datetime | None
    lift: float = 0.0
    order_lift: float = 0.0
    segment: tuple[str, str] = ("", "")


def ended(month: int, day: int) -> datetime:
    return datetime(2026, month, day, tzinfo=UTC)


GERMANS, MOBILES = ("country", "DE"), ("device", "mobile")
WORLD = (
    Told(name="checkout_now", title="Checkout optimization", ended=None),
    Told(name="short_form", title="Shorter checkout form", ended=ended(5, 1), lift=0.45),
    Told(name="badges", title="Badges in the checkout", ended=ended(4, 1)),
    Told(name="no_coupon", title="Checkout without coupons", ended=ended(3, 1), lift=-0.4),
    Told(
        name="annual_first",
        title="Annual pricing first",
        ended=ended(8, 20),
        lift=1.2,
        segment=GERMANS,
    ),
    Told(name="price_table", title="Pricing table", ended=ended(2, 1), lift=1.2, segment=MOBILES),
    Told(name="bundles", title="Pricing in bundles", ended=ended(9, 10), order_lift=0.6),
    Told(name="rounding", title="Pricing without cents", ended=ended(7, 15), order_lift=-0.5),
    Told(name="tour", title="Mobile onboarding tour", ended=None),
)
METRICS = (
    MetricDefinition(name="purchase", kind="proportion", event_type="purchase", mde=0.1),
    MetricDefinition(
        name="revenue", kind="mean", event_type="purchase", aggregation="sum", role="secondary",
        mde=0.1,
    ),
)  # fmt: skip


def plan_of(told: Told) -> Experiment:
    return Experiment(
        experiment_id=told.name,
        name=told.title,
        status="running" if told.ended is None else "stopped",
        started_at=(told.ended or NOW) - timedelta(days=14),
        ended_at=told.ended,
        variants=(Variant(variant_id="control", is_control=True), Variant(variant_id="treatment")),
        metrics=METRICS,
        segments=("country", "device"),
        planned_sample_size=UNITS,
    )


def events_of(told: Told) -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(list(told.name.encode()))
    start = (told.ended or NOW) - timedelta(days=14)
    for number in range(UNITS):
        treated = number % 2 == 1
        of_user = {"country": COUNTRIES[number // 2 % 3], "device": DEVICES[number // 6 % 2]}
        name, value = told.segment
        lifted = treated and (not name or of_user[name] == value)
        at = start + timedelta(days=12 * number / UNITS)
        base: dict[str, Any] = {
            "user_id": f"{told.name}-{number}",
            "experiment_id": told.name,
            "variant_id": "treatment" if treated else "control",
            "session_id": "",
            "source": "test",
        }
        yield base | {
            "event_id": f"{told.name}-{number}-x", "event_type": "exposure", "timestamp": at,
            "value": None, "properties": list(of_user.items()),
        }  # fmt: skip
        if rng.random() < BASELINE * (1 + told.lift * lifted):
            order = float(rng.gamma(20, 2)) * (1 + told.order_lift * treated)
            yield base | {
                "event_id": f"{told.name}-{number}-p", "event_type": "purchase",
                "timestamp": at + timedelta(hours=1), "value": order, "properties": [],
            }  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: Any) -> Iterator[Workspace]:
    opened = Workspace(StoreSettings(data_dir=tmp_path_factory.mktemp("mission")))
    for told in WORLD:
        opened.store.experiments.save(plan_of(told))
        table = pa.Table.from_pylist(list(events_of(told)), schema=event_schema())
        opened.store.events.insert(table)
        if told.ended is not None:
            analyze(opened.store, told.name, now=NOW, actor="test")
    opened.learner.catch_up(at_once=True)
    yield opened
    opened.close()


def ask(workspace: Workspace, question: str) -> Any:
    """The answer; what was just remembered is searched a moment later, and the answer says so."""
    answered = workspace.answerer.answer(question, (), now=NOW)
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not answered.rows and time.monotonic() < give_up:
        time.sleep(1)
        answered = workspace.answerer.answer(question, (), now=NOW)
    assert answered.status == "ok", answered.sentence
    return answered


def test_similar_experiments_that_increased_conversion_by_more_than_a_share(
    world: Workspace,
) -> None:
    answered = ask(
        world,
        "Show me experiments similar to our checkout optimization that increased conversion by"
        " more than 20%",
    )
    assert [row["experiment_id"] for row in answered.rows] == ["short_form"]
    assert answered.rows[0]["relative_lift"] > 0.2


def test_segments_that_responded_best_in_the_last_quarter(world: Workspace) -> None:
    answered = ask(
        world, "What user segments responded best to pricing experiments in the last quarter?"
    )
    first = answered.rows[0]
    assert (first["experiment_id"], "DE" in first["segment"]) == ("annual_first", True)
    assert "price_table" not in {row["experiment_id"] for row in answered.rows}


def test_strategies_for_the_experiment_that_runs(world: Workspace) -> None:
    answered = ask(world, "Recommend optimization strategies for our mobile onboarding experiment")
    assert answered.plan.kind == "recommend"
    assert answered.plan.experiments == ("tour",)
    assert answered.rows


def test_similar_experiments_that_improved_revenue(world: Workspace) -> None:
    answered = ask(world, "Find experiments similar to our pricing test that improved revenue")
    found = {row["experiment_id"]: row for row in answered.rows}
    assert {"bundles", "annual_first"} <= found.keys()
    assert not {"rounding", "short_form", "no_coupon", "badges", "tour"} & found.keys()
    assert all(row["metric"] == "revenue" for row in found.values())
