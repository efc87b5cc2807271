"""What moved is named, first and alone; what moved everywhere alike names nobody."""

import numpy as np
import pytest
from benchmarks.movement import MOBILE, PAIR, cells_of, world

from neonblue.stats.movement import (
    Moved,
    Slice,
    change_point,
    day_dispersion,
    dispersed,
    total_p_value,
    what_moved,
)

WORLDS = 60


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng([77, seed])


@pytest.mark.parametrize("factor", [1.0, 0.7])
def test_null_worlds_name_nothing(factor: float) -> None:
    """Also where all fell by 30 %: at most 5 % of worlds name a slice."""
    loud = sum(
        bool(what_moved(world(rng(seed), units=3_000, factor=factor)).named)
        for seed in range(WORLDS)
    )
    assert loud <= 0.05 * WORLDS


@pytest.mark.parametrize("dropped", [MOBILE, PAIR])
def test_a_slice_that_fell_is_named_first_with_its_part_in_the_change(dropped: Slice) -> None:
    first = 0
    for seed in range(10):
        found = what_moved(world(rng(seed), units=20_000, dropped=dropped, kept=0.5))
        first += bool(found.named) and found.named[0].slice == dropped
        assert found.named[0].contribution is not None
        assert found.named[0].contribution > 0.5
    assert first >= 9


def test_units_are_counted_not_their_events() -> None:
    """Forty events of one unit are one change of mind, not forty."""
    codes = np.array([[0]] * 400 + [[1]] * 400)
    before, now = np.ones(800), np.ones(800)
    now[0] = 41
    assert not what_moved(cells_of(codes, before, now)).named


def test_without_events_in_a_period_nothing_is_named() -> None:
    codes = np.array([[0], [1]] * 50)
    found = what_moved(cells_of(codes, np.zeros(100), np.ones(100)))
    assert (found.before, found.now, found.named) == (0.0, 100.0, ())


def test_periods_of_unequal_length_are_compared_in_equal_time() -> None:
    codes = np.array([[0], [1]] * 1000)
    before, now = np.tile([1.0, 1.0], 1000), np.zeros(2000)
    now[:1000] = 1.0
    cells = cells_of(codes, before, now)
    assert total_p_value(cells, length_ratio=0.5) > 0.9
    assert total_p_value(cells, length_ratio=1.0) < 1e-6


def test_a_share_that_varies_from_day_to_day_needs_more_to_be_named() -> None:
    generator = rng(1)
    whole = np.full(28, 1000.0)
    calm = generator.binomial(1000, 0.3, 28).astype(float)
    wild = generator.binomial(1000, np.clip(generator.normal(0.3, 0.08, 28), 0.05, 0.9))
    assert day_dispersion(calm, whole) < 3
    noisy = day_dispersion(wild.astype(float), whole)
    assert noisy > 10
    where = Slice(columns=(0,), values=(0,))
    one = Moved(slice=where, before=1.0, now=2.0, contribution=1.0, z=5.0, p_value=1e-4)
    assert dispersed(one, 1.0) == pytest.approx(1e-4)
    assert dispersed(one, noisy) > 0.05


def test_one_change_of_level_is_no_dispersion_and_its_day_is_found() -> None:
    whole = np.full(20, 1000.0)
    shares = np.where(np.arange(20) < 13, 0.4, 0.2)
    part = rng(3).binomial(1000, shares).astype(float)
    assert day_dispersion(part, whole) < 3
    assert change_point(part, whole) == 13
