"""A programme's level follows the share of winners that it has seen."""

import math

import numpy as np
import pytest

from neonblue.stats.programme import (
    GREATEST_LEVEL,
    LEAST_LEVEL,
    EndedTest,
    is_futile,
    level_for,
    log_bayes_factor,
    programme_of,
)


def ended(rng: np.random.Generator, winners: int, nulls: int) -> list[EndedTest]:
    sizes = [2.8 * size for size in rng.uniform(0.5, 1.5, winners)] + [0.0] * nulls
    return [EndedTest(z=float(rng.normal(size))) for size in sizes]


def test_nothing_learnt_gives_the_least_level() -> None:
    assert programme_of([]).level == LEAST_LEVEL


def test_nulls_keep_the_level_at_its_least_and_lower_the_share() -> None:
    found = programme_of(ended(np.random.default_rng(1), 0, 50))
    assert found.level == LEAST_LEVEL
    assert found.winner_share < 0.03


def test_winners_raise_the_level() -> None:
    rng = np.random.default_rng(2)
    few, many = programme_of(ended(rng, 8, 92)), programme_of(ended(rng, 40, 60))
    assert LEAST_LEVEL < few.level < many.level
    assert few.winner_share == pytest.approx(0.08, abs=0.05)
    assert many.winner_share == pytest.approx(0.40, abs=0.1)


def test_the_level_leaves_one_ship_in_twenty_wrong() -> None:
    share = 0.05
    level = level_for(share)
    wrong, right = (1 - share) * 0.68 * level, share * 0.78
    assert wrong / (wrong + right) == pytest.approx(0.05)
    assert level_for(0.9) == GREATEST_LEVEL


def test_evidence_is_a_likelihood_ratio() -> None:
    """Its mean is one where there is no effect, whatever the units: an e-value."""
    z = np.random.default_rng(3).normal(size=200_000)
    grid = np.linspace(-12, 16, 8001)
    for progress in (0.2, 1.0, 3.0):
        values = np.exp([log_bayes_factor(EndedTest(z=x, progress=progress)) for x in grid])
        assert np.mean(np.interp(z, grid, values)) < 1.1
        density = np.exp(-0.5 * grid**2) / math.sqrt(2 * math.pi)
        assert np.trapezoid(values * density, grid) == pytest.approx(1.0, abs=0.02)


def test_what_cannot_win_is_given_up_and_what_may_is_not() -> None:
    assert is_futile(EndedTest(z=0.0, progress=1.0))
    assert not is_futile(EndedTest(z=0.0, progress=0.2))
    assert not is_futile(EndedTest(z=2.0, progress=1.0))
    assert is_futile(EndedTest(z=-2.0, progress=0.5))
