"""Segments are judged against the rest, and only as far as looks allow."""

from datetime import datetime

import numpy as np
import pytest

from neonblue.errors import NotFoundError
from neonblue.intelligence.analysis import analyze
from neonblue.stores import Store


def test_the_segment_that_differs_comes_first(store: Store, simulate, world, now: datetime) -> None:
    harmed = world.treated & (world.country == "DE")
    rate = np.where(harmed, 0.02, np.where(world.treated, 0.14, 0.1))
    world.buys = world.rng.random(world.units) < rate
    simulate(world)
    found = analyze(store, "exp", now=now, segment_by="country").segments
    assert found.effects[0].value == "DE"
    assert found.effects[0].differs
    assert found.effects[0].difference_from_rest < 0


def test_equal_effects_do_not_differ(store: Store, simulate, world, now: datetime) -> None:
    world.buys = world.rng.random(world.units) < np.where(world.treated, 0.14, 0.1)
    simulate(world)
    found = analyze(store, "exp", now=now, segment_by="browser").segments
    assert not any(effect.differs for effect in found.effects)
    assert {effect.value for effect in found.effects} == {"Chrome", "Safari", "Firefox"}


def test_segments_of_a_broken_experiment_are_withheld(
    store: Store, simulate, world, now: datetime
) -> None:
    world.lose(world.treated, 0.2)
    simulate(world)
    found = analyze(store, "exp", now=now, segment_by="country").segments
    assert (found.status, found.effects) == ("withheld", ())


def test_an_unknown_property_names_the_known_ones(
    store: Store, simulate, world, now: datetime
) -> None:
    simulate(world)
    with pytest.raises(NotFoundError, match="browser, country"):
        analyze(store, "exp", now=now, segment_by="planet")
