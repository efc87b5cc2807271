"""Sums from a file with one row a unit are no behaviour: nobody did anything at a time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from neonblue.ingest.files.load import load_file
from neonblue.ingest.files.load_plan import LoadPlan
from neonblue.stores import Store, open_store
from neonblue.stores.funnels import FunnelScope

from .conftest import shop_events

USERS = 60


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Store]:
    """A store with the events of some users and, from a file, a row of each and of others."""
    store = open_store(f"chdb://{tmp_path / 'clickhouse'}")
    store.events.insert(shop_events(USERS))
    path = tmp_path / "sums.csv"
    lines = [f"user{i},{'ab'[i % 2]},{i + 1}" for i in range(2 * USERS)]
    path.write_text("user,variant,spent\n" + "\n".join(lines))
    plan = LoadPlan.from_arguments(
        {
            "path": str(path),
            "experiment_id": "sums",
            "unit": "user",
            "variant": "variant",
            "control": "a",
            "metrics": ["spent:mean=spent"],
        }
    )
    assert load_file(store, plan, lambda done, total, message: None).units == 2 * USERS
    yield store
    store.close()


def test_sessions_and_journeys_do_without_them(both: Store) -> None:
    known = {f"user{i}" for i in range(USERS)}
    for sessions in (
        both.sessions.recent(users=1000),
        both.sessions.drawn(users=1000, days=10_000),
        both.sessions.of_user("user1"),
    ):
        assert sessions
        assert {session.user_id for session in sessions} <= known
        assert not {"spent", "exposure"} & {kind for each in sessions for kind in each.types}
    assert both.sessions.of_user(f"user{USERS}") == ()
    assert both.sessions.totals(f"user{USERS}") is None
    facts = both.journeys.of([f"user{i}" for i in range(2 * USERS)])
    assert {each.user_id for each in facts} == known
    assert not any("spent" in each.all_types for each in facts)
    assert both.journey_marks.touch_all() == USERS


def test_funnels_and_next_steps_do_without_them(both: Store) -> None:
    assert both.funnels.count(("exposure", "spent"), FunnelScope(window_seconds=86_400)) == ()
    pairs = both.enrichments.transitions(days=10_000)
    assert pairs
    assert not any("spent" in (before, after) for before, after, _ in pairs)
    recent = both.enrichments.recent_users(days=10_000, limit=1000)
    assert not any("spent" in types for types in recent["event_types"].to_pylist())


def test_effects_are_made_of_them(both: Store) -> None:
    experiment = both.experiments.get("sums")
    summary = both.moments.summarise(experiment).summary("spent", "a")
    assert (summary.n, summary.mean) == (USERS, USERS)
