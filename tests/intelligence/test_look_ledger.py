"""The ledger of looks: nobody gains by looking often, at once, or under another name."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from neonblue.intelligence.analysis import analyze
from neonblue.intelligence.evidence import Analysis, Comparison
from neonblue.stores import Store


def purchase(found: Analysis) -> Comparison:
    return found.metrics[0].comparisons[0]


def test_many_agents_at_once_see_one_answer_and_all_their_looks_count(
    store: Store, simulate, world, now: datetime
) -> None:
    simulate(world, planned_sample_size=40_000)
    alone = purchase(analyze(store, "exp", now=now, actor="first"))

    def look(number: int) -> Comparison:
        at = now + timedelta(seconds=number + 1)
        return purchase(analyze(store, "exp", now=at, actor=f"agent {number}"))

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(look, range(12)))
    assert {(found.ci_lower, found.ci_upper, found.p_value) for found in together} == {
        (alone.ci_lower, alone.ci_upper, alone.p_value)
    }
    assert store.looks.state("exp", 1).looks == 13


def test_the_sequence_is_the_same_looked_at_before_or_not(
    store: Store, simulate, world, now: datetime
) -> None:
    simulate(world, planned_sample_size=40_000)
    first = purchase(analyze(store, "exp", now=now))
    for minute in range(1, 6):
        later = purchase(analyze(store, "exp", now=now + timedelta(minutes=minute)))
    assert (later.ci_lower, later.ci_upper) == (first.ci_lower, first.ci_upper)


def test_a_new_name_does_not_make_a_watched_experiment_unwatched(
    store: Store, simulate, world, now: datetime
) -> None:
    """Else: look, rename, stop, and read the textbook p."""
    experiment = simulate(world, planned_sample_size=None)
    analyze(store, "exp", now=now)
    store.experiments.save(replace(experiment, name="another name"))
    store.experiments.set_status("exp", "stopped")
    found = analyze(store, "exp", now=now)
    assert purchase(found).fixed_horizon is None
    assert not found.look.fixed_horizon_decides


def test_the_least_p_belongs_to_its_version(store: Store, simulate, world, now: datetime) -> None:
    experiment = simulate(world, planned_sample_size=40_000)
    p_value = purchase(analyze(store, "exp", now=now)).p_value
    store.experiments.save(replace(experiment, name="another name"))
    key = ("purchase", "treatment")
    state = store.looks.state("exp", 2)
    assert state.least_p[key] == 1.0
    assert store.looks.state("exp", 1).least_p[key] == pytest.approx(p_value)
    assert state.looks == 1


def test_stopping_reading_and_resuming_is_watching(
    store: Store, simulate, world, now: datetime
) -> None:
    simulate(world, planned_sample_size=None, status="stopped")
    assert purchase(analyze(store, "exp", now=now)).fixed_horizon is not None
    store.experiments.set_status("exp", "running")
    store.experiments.set_status("exp", "stopped")
    found = analyze(store, "exp", now=now)
    assert purchase(found).fixed_horizon is None
    assert not found.look.fixed_horizon_decides
