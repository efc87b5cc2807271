"""One look decides only at an end that was declared and after which nothing came."""

from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
import pytest

from neonblue.intelligence.analysis import analyze
from neonblue.stores import Store
from neonblue.stores.events import event_schema


def late_purchase(moment) -> pa.Table:
    row = {
        "event_id": "late",
        "user_id": "u1",
        "experiment_id": "exp",
        "variant_id": "control",
        "event_type": "purchase",
        "timestamp": moment,
        "session_id": "",
        "properties": [],
        "source": "test",
    }
    return pa.Table.from_pylist([row], schema=event_schema())


def test_the_same_data_may_be_read_again(store: Store, simulate, world, now) -> None:
    simulate(world, planned_sample_size=None, status="stopped")
    first, second = analyze(store, "exp", now=now), analyze(store, "exp", now=now)
    assert first.look.fixed_horizon_decides
    assert second.look.fixed_horizon_decides
    assert second.look.number == 2
    assert second.metrics == first.metrics


def test_data_that_came_after_a_reading_make_it_watched(store: Store, simulate, world, now) -> None:
    """Also data of before the end: whoever read waits for the ones that suit."""
    simulate(world, planned_sample_size=None, status="stopped")
    assert analyze(store, "exp", now=now).look.fixed_horizon_decides
    store.events.insert(late_purchase(now - timedelta(hours=1)))
    found = analyze(store, "exp", now=now)
    assert not found.look.fixed_horizon_decides
    assert not found.look.fixed_horizon_shown
    assert "other data of it were looked at" in found.look.detail
    assert found.experiment.alpha == pytest.approx(0.05 * 0.02)
    assert any("decided at alpha 0.001 instead of 0.05" in note for note in found.notes)


def test_what_comes_after_the_declared_end_makes_it_watched(
    store: Store, simulate, world, now
) -> None:
    simulate(world, planned_sample_size=None, status="stopped", ended_at=now)
    store.events.insert(late_purchase(now + timedelta(hours=1)))
    found = analyze(store, "exp", now=now + timedelta(days=1))
    assert not found.look.fixed_horizon_decides
    assert "came after its end" in found.look.detail
    assert found.experiment.alpha == 0.05


def test_an_end_that_nobody_declared_decides_nothing(store: Store, plan_of, simulate, world, now):
    """As a loaded file's definition had it when loading took the end for granted."""
    simulate(world, planned_sample_size=None, status="stopped", experiment_id="exp")
    store.database.command(
        "ALTER TABLE experiment_history UPDATE source = 'load' WHERE 1 SETTINGS mutations_sync = 2"
    )
    found = analyze(store, "exp", now=now)
    assert not found.look.fixed_horizon_decides
    assert "--finished" in found.look.detail


def test_a_look_while_it_ran_counts_though_the_data_are_the_same(
    store: Store, simulate, world, now
) -> None:
    """Else: look, declare the end if it suits, go on watching if it does not."""
    simulate(world, planned_sample_size=None)
    analyze(store, "exp", now=now)
    store.experiments.set_status("exp", "stopped")
    assert not analyze(store, "exp", now=now).look.fixed_horizon_decides


def test_the_answer_says_whether_a_plan_had_been_set(store: Store, simulate, world, now) -> None:
    experiment = simulate(world, planned_sample_size=world.units, status="stopped")
    assert "had been planned before any data came" in analyze(store, "exp", now=now).look.detail
    store.experiments.save(replace(experiment, planned_sample_size=world.units - 1))
    found = analyze(store, "exp", now=now)
    assert not found.look.fixed_horizon_decides
    assert "rules changed after results were read" in found.look.detail
