"""Simulated faults with a known cause: the right cause comes first, on the right side."""

from collections.abc import Callable

import numpy as np
import pytest

from neonblue.intelligence.diagnosis.counts import read_allocation
from neonblue.intelligence.diagnosis.sample_ratio import Allocation, drift, mismatch_causes
from neonblue.intelligence.summaries import read_summaries
from neonblue.models import Experiment
from neonblue.stores import Store

Simulate = Callable[..., Experiment]


def allocation(store: Store, experiment: Experiment) -> Allocation:
    properties = store.exposure_properties.counts(experiment.experiment_id)
    exposed = read_summaries(store, experiment).units
    return read_allocation(store, experiment, exposed, properties)


@pytest.mark.parametrize(
    ("dimension", "value", "side"),
    [
        ("browser", "Safari", "capture"),
        ("sdk_version", "3.9.1", "capture"),
        ("device", "tablet", "capture"),
        ("country", "IN", "assignment"),
    ],
)
def test_the_segment_that_loses_units_comes_first(
    store: Store, simulate: Simulate, world, dimension: str, value: str, side: str
) -> None:
    world.lose(world.treated & (getattr(world, dimension) == value), 0.5)
    causes = mismatch_causes(allocation(store, simulate(world)))
    first = causes[0]
    assert first.code == "mismatch_in_segment"
    assert first.evidence["dimension"] == dimension
    assert first.evidence["values"] == [value]
    assert first.evidence["variant"] == "treatment"
    assert first.evidence["explains_the_whole_mismatch"] == "yes"
    assert first.side == side
    assert store.database.rows(first.query)


def test_a_change_of_weights_is_found_by_its_days(store: Store, simulate: Simulate, world) -> None:
    world.lose(world.treated & (world.day >= 9), 0.4)
    first = mismatch_causes(allocation(store, simulate(world)))[0]
    assert first.code == "mismatch_on_days"
    assert first.evidence["values"] == [f"2026-03-{day}" for day in (15, 16, 17, 18, 19)]
    assert store.database.rows(first.query)


def test_a_mismatch_everywhere_is_not_blamed_on_a_segment(
    store: Store, simulate: Simulate, world
) -> None:
    world.lose(world.treated, 0.15)
    causes = mismatch_causes(allocation(store, simulate(world)))
    assert [cause.code for cause in causes] == ["mismatch_everywhere"]
    assert causes[0].side == "undetermined"


def test_recorded_assignments_tell_capture_from_assignment(
    store: Store, simulate: Simulate, world
) -> None:
    world.lose(world.treated, 0.15)
    assignments = [
        {
            "event_id": f"a{index}",
            "user_id": f"u{index}",
            "experiment_id": "exp",
            "variant_id": "treatment" if world.treated[index] else "control",
            "event_type": "assignment",
            "timestamp": 1773900000000,
            "session_id": "",
            "properties": [],
            "source": "test",
        }
        for index in range(world.units)
    ]
    cause = mismatch_causes(allocation(store, simulate(world, extra=assignments)))[0]
    assert cause.side == "capture"


def test_days_that_cancel_out_are_still_reported(store: Store, simulate: Simulate, world) -> None:
    share = np.where(world.day < 7, 0.4, 0.6)
    world.treated = world.rng.random(world.units) < share
    found = drift(allocation(store, simulate(world)))
    assert found is not None
    assert found.code == "mismatch_on_days"
