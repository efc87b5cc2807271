"""Who returns, what is next, what moved, what was learnt: on a world of known truth."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.settings import StoreSettings
from neonblue.stores.events import event_schema
from neonblue.workspace import Workspace

from .conftest import past_outcome

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
COUNTRIES = ("DE", "US", "IN")
DEVICES = ("mobile", "desktop")


def event(user: int, kind: str, at: datetime, number: int) -> dict[str, Any]:
    """An event of no experiment, with the user's country and device."""
    return {
        "event_id": f"{user}-{kind}-{number}",
        "user_id": f"user-{user}@example.org",
        "experiment_id": "",
        "variant_id": "",
        "session_id": "",
        "source": "test",
        "event_type": kind,
        "timestamp": at,
        "value": 10.0 if kind == "purchase" else None,
        "properties": [
            ("country", COUNTRIES[user % 3]),
            ("device", DEVICES[user % 2]),
        ],
    }


def events() -> Iterator[dict[str, Any]]:
    """420 users a day for two weeks; on mobiles half of the purchases are gone from 9 November on.

    A third of users come back the next day; a purchase follows a page view, a review a purchase.
    """
    rng, user = np.random.default_rng(4), 0
    for day in range(14):
        for _ in range(420):
            at = MONDAY + timedelta(days=day, hours=float(rng.uniform(1, 20)))
            yield event(user, "page_view", at, 0)
            fell = day >= 7 and user % 2 == 0
            if rng.random() < (0.2 if fell else 0.4):
                yield event(user, "purchase", at + timedelta(minutes=5), 0)
                yield event(user, "review", at + timedelta(minutes=9), 0)
            if user % 3 == 0:
                yield event(user, "page_view", at + timedelta(days=1), 1)
            user += 1


def past(store: Any, name: str, title: str, ended: datetime | None, lift: float) -> None:
    """A finished experiment with an outcome."""
    bought = MetricDefinition(name="bought", kind="proportion", event_type="purchase", mde=0.1)
    variants = (Variant(variant_id="control", is_control=True), Variant(variant_id="treatment"))
    plan: dict[str, Any] = {"status": "stopped", "name": title, "planned_sample_size": 1000}
    plan |= {"started_at": ended and ended - timedelta(days=14), "ended_at": ended}
    store.experiments.save(
        Experiment(experiment_id=name, variants=variants, metrics=(bought,), **plan)
    )
    store.outcomes.record([past_outcome(name, lift, "ship" if lift > 0 else "rollback")])


@pytest.fixture(scope="module")
def world(tmp_path_factory: Any) -> Iterator[Workspace]:
    opened = Workspace(StoreSettings(data_dir=tmp_path_factory.mktemp("kinds")))
    table = pa.Table.from_pylist(list(events()), schema=event_schema())
    opened.store.events.insert(table)
    past(opened.store, "c1", "Guest checkout", datetime(2025, 5, 1, tzinfo=UTC), 0.08)
    past(opened.store, "c2", "Shorter checkout form", datetime(2026, 5, 1, tzinfo=UTC), -0.1)
    past(opened.store, "p1", "Yearly pricing first", datetime(2025, 8, 1, tzinfo=UTC), 0.3)
    past(opened.store, "c3", "Express checkout", None, 0.02)
    yield opened
    opened.close()


def ask(workspace: Workspace, question: str) -> Any:
    return workspace.answerer.answer(question, (), now=NOW)


@pytest.mark.parametrize(
    ("question", "share"),
    [("day 1 retention", 1 / 3), ("2-day retention", 0.0), ("next-day retention in Germany", 1.0)],
)
def test_retention_is_the_share_seen_that_many_days_later(
    world: Workspace, question: str, share: float
) -> None:
    answered = ask(world, question)
    assert answered.status == "ok", answered.sentence
    assert answered.rows[0]["metric"] == pytest.approx(share, abs=1e-3)


def test_retention_by_week_has_a_row_a_cohort(world: Workspace) -> None:
    answered = ask(world, "day 1 retention by weekly cohort")
    assert [row["period"] for row in answered.rows] == ["2026-11-02", "2026-11-09"]
    assert [row["users"] for row in answered.rows] == [7 * 420, 7 * 420]


def test_a_retention_without_a_day_is_readings(world: Workspace) -> None:
    answered = ask(world, "what is our retention?")
    assert answered.status == "ambiguous"
    assert [plan.day for plan in answered.readings] == [1, 7, 30]


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("what do users do right after a purchase?", "review"),
        ("what happens just before a purchase?", "page_view"),
        ("what usually comes after a review?", "page_view"),
    ],
)
def test_the_commonest_step_beside_an_event(world: Workspace, question: str, first: str) -> None:
    answered = ask(world, question)
    assert answered.status == "ok", answered.sentence
    named = [row["slice"] for row in answered.rows if row["slice"] != "(nothing)"]
    assert named[0] == first
    assert sum(row["metric"] for row in answered.rows) == pytest.approx(1.0)


def test_what_moved_names_the_slice_its_part_and_its_day(world: Workspace) -> None:
    answered = ask(world, "why did purchases drop last week?")
    assert answered.status == "ok", answered.sentence
    total, *named = answered.rows
    assert total["slice"] == "all"
    assert total["relative_change"] < -0.2
    assert [row["slice"] for row in named] == ["device = mobile"]
    assert named[0]["contribution"] == pytest.approx(1.0, abs=0.15)
    assert named[0]["since"] == "2026-11-09"
    assert "fell" in answered.sentence


def test_where_nothing_moved_nothing_is_named(world: Workspace) -> None:
    answered = ask(
        world, "what is behind the change in page views from 11 November to 13 November?"
    )
    assert [row["slice"] for row in answered.rows] == ["all"]
    assert "by chance" in answered.sentence


def test_what_moved_without_a_time_asks_for_one(world: Workspace) -> None:
    answered = ask(world, "why did purchases drop?")
    assert (answered.status, answered.rows) == ("unsupported", ())
    assert "last week" in answered.sentence


def test_two_named_periods_are_compared(world: Workspace) -> None:
    answered = ask(world, "purchases on 10 November versus 3 November")
    of = {
        str(day): count
        for day, count in world.store.database.rows(
            "SELECT toDate(timestamp), count() FROM events WHERE event_type = 'purchase' "
            "GROUP BY toDate(timestamp)"
        )
    }
    row = answered.rows[0]
    assert (row["metric"], row["before"]) == (of["2026-11-10"], of["2026-11-03"])


def test_what_was_learnt_is_of_the_topic_and_the_time(world: Workspace) -> None:
    everything = ask(world, "What have we learnt about checkout?")
    assert {row["experiment_id"] for row in everything.rows} == {"c1", "c2", "c3"}
    last_year = ask(world, "What did we learn about checkout last year?")
    assert [row["experiment_id"] for row in last_year.rows] == ["c1"]
    assert "1 more have no date" in last_year.sentence
    assert ask(world, "What did we learn about loyalty cards?").status == "unsupported"


def test_a_question_about_an_experiment_that_is_not_there_is_declined(world: Workspace) -> None:
    for question in (
        "Recommend optimization strategies for our mobile onboarding experiment",
        "Find experiments similar to our onboarding test that improved revenue",
        "What user segments responded best to onboarding experiments in the last quarter?",
    ):
        answered = ask(world, question)
        assert answered.status == "unsupported", question
        assert "onboarding" in answered.sentence
