"""Shares by contrasts within batches, and what may be named under them."""

import numpy as np
import pytest
from benchmarks.allocation import EQUAL, FOUR, TWO, USERS, World, ours, outcome, plain, run
from hypothesis import given
from hypothesis import strategies as st

from neonblue.errors import InvalidInputError
from neonblue.stats.adaptive import Batches
from neonblue.stats.allocation import (
    DRAWS,
    all_alike,
    best_probabilities,
    contrast_posterior,
    pairwise_sequences,
    top_two_shares,
    winner,
    with_floor,
)


def batches(means: list[list[float]], n: list[list[float]], sd: float = 0.3) -> Batches:
    count = np.array(n)
    return Batches(
        n=count,
        mean=np.array(means),
        variance=np.full_like(count, sd**2),
        probability=count / count.sum(axis=1, keepdims=True),
    )


def test_a_level_that_all_variants_share_says_nothing() -> None:
    """The second variant had most of its units on a good day: it is no better, and not drawn so."""
    moved = batches([[0.10, 0.10], [0.20, 0.20]], [[900.0, 100.0], [100.0, 900.0]])
    found = contrast_posterior(moved, planned_n=10_000)
    assert found.mean == pytest.approx([0.0])


def test_one_batch_of_an_even_split_is_the_textbook_difference() -> None:
    """With a flat prior the effect is the difference in sds, with variance 1 / n + 1 / n."""
    one = batches([[0.10, 0.13]], [[500.0, 500.0]])
    found = contrast_posterior(one, planned_n=1e-9)
    assert found.mean == pytest.approx([0.03 / 0.3])
    assert found.covariance == pytest.approx(np.array([[2 / 500]]), rel=1e-6)


def test_the_effects_are_those_of_least_squares_with_batches_as_blocks() -> None:
    """Three variants, three batches: against numpy's least squares over every cell."""
    rng = np.random.default_rng(5)
    n = rng.integers(50, 500, (3, 3)).astype(float)
    mean = rng.normal(1.0, 0.1, (3, 3)) + rng.normal(0, 3, (3, 1))
    found = contrast_posterior(batches(mean.tolist(), n.tolist(), sd=1.0), planned_n=1e-12)
    rows, columns = np.indices((3, 3))
    design = np.zeros((9, 5))
    design[np.arange(9), rows.ravel()] = 1.0
    for variant in (1, 2):
        design[columns.ravel() == variant, 2 + variant] = 1.0
    root = np.sqrt(n.ravel())
    solved = np.linalg.lstsq(design * root[:, None], mean.ravel() * root, rcond=None)[0]
    assert found.mean == pytest.approx(solved[3:], rel=1e-6)


def test_scale_and_unit_of_the_metric_do_not_matter() -> None:
    one = batches([[0.10, 0.13], [0.2, 0.22]], [[500.0, 500.0], [400.0, 100.0]])
    cents = batches([[310.0, 313.0], [320.0, 322.0]], [[500.0, 500.0], [400.0, 100.0]], sd=30.0)
    first = contrast_posterior(one, planned_n=5_000)
    second = contrast_posterior(cents, planned_n=5_000)
    assert first.mean == pytest.approx(second.mean)
    assert first.covariance == pytest.approx(second.covariance)


@given(
    shares=st.lists(st.floats(0, 1), min_size=2, max_size=20).filter(lambda s: sum(s) > 0),
    floor=st.floats(0, 0.05),
)
def test_no_share_is_below_the_floor_and_they_sum_to_one(shares: list[float], floor: float) -> None:
    given_ = np.array(shares) / sum(shares)
    found = with_floor(given_, floor)
    assert found.sum() == pytest.approx(1.0)
    assert found.min() >= floor - 1e-9
    assert np.all(np.diff(found[np.argsort(given_)]) >= -1e-12)


def test_a_floor_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"at most 0\.0333"):
        with_floor(np.full(30, 1 / 30), 0.05)


def test_variants_that_are_alike_get_alike_shares() -> None:
    even = contrast_posterior(batches([[0.1] * 4], [[500.0] * 4]), planned_n=10_000)
    draws = even.draws(20_000, np.random.default_rng(3))
    assert top_two_shares(draws) == pytest.approx([0.25] * 4, abs=0.02)
    assert best_probabilities(draws) == pytest.approx([0.25] * 4, abs=0.02)


def test_a_variant_that_is_far_ahead_gets_all_but_the_floors() -> None:
    clear = contrast_posterior(batches([[0.1, 0.1, 0.3]], [[5e4, 5e4, 5e4]]), planned_n=150_000)
    shares = top_two_shares(clear.draws(DRAWS, np.random.default_rng(3)))
    assert shares == pytest.approx([0.05, 0.05, 0.9])


def test_a_batch_without_units_or_spread_changes_nothing() -> None:
    known = contrast_posterior(batches([[0.1, 0.12]], [[500.0, 500.0]]), planned_n=5_000)
    more = Batches(
        n=np.array([[500.0, 500.0], [0.0, 0.0], [20.0, 20.0]]),
        mean=np.array([[0.1, 0.12], [np.nan, np.nan], [0.0, 0.0]]),
        variance=np.array([[0.09, 0.09], [np.nan, np.nan], [0.0, 0.0]]),
        probability=np.full((3, 2), 0.5),
    )
    with_empty = contrast_posterior(more, planned_n=5_000)
    assert np.isfinite(with_empty.mean).all()
    assert with_empty.mean == pytest.approx(known.mean, rel=0.05)


@pytest.mark.parametrize("planned_n", [0.0, -1.0, float("nan"), float("inf")])
def test_without_planned_units_there_is_no_prior(planned_n: float) -> None:
    with pytest.raises(InvalidInputError, match="planned number"):
        contrast_posterior(batches([[0.1, 0.1]], [[5.0, 5.0]]), planned_n=planned_n)


def test_a_clear_winner_is_named_in_the_direction_that_is_good() -> None:
    many = batches([[0.10, 0.12, 0.14]] * 10, [[5_000.0] * 3] * 10)
    sequences = pairwise_sequences(many, planned_n=150_000)
    assert winner(sequences) == 2
    assert winner(sequences, lower_is_better=True) == 0
    assert not all_alike(sequences, margin=0.03)


def test_variants_within_the_margin_are_called_alike() -> None:
    same = batches([[0.10, 0.10, 0.10]] * 10, [[20_000.0] * 3] * 10)
    sequences = pairwise_sequences(same, planned_n=600_000)
    assert winner(sequences) is None
    assert all_alike(sequences, margin=0.01)
    assert not all_alike(sequences, margin=0.0001)


def test_too_few_units_name_nobody() -> None:
    few = pairwise_sequences(batches([[0.0, 1.0]], [[10.0, 10.0]]), planned_n=1_000)
    assert winner(few) is None
    assert not all_alike(few, margin=10.0)


TREND = World(name="trend", rates=TWO, drift=(0.8, 1.2))
SHOCK = World(name="shock", rates=TWO, shock_sd=0.3)


@pytest.mark.parametrize(
    "world", [World(name="still", rates=TWO), TREND, SHOCK], ids=lambda w: w.name
)
def test_two_variants_cost_less_than_half_of_an_even_split(world: World) -> None:
    """An even split costs 250 conversions; 40 runs, so three standard errors are about 27."""
    rng = np.random.default_rng(11)
    found = [outcome(world, run(world, ours, rng)) for _ in range(40)]
    assert np.mean([one.regret for one in found]) < 120
    assert np.mean([one.leads for one in found]) >= 0.9
    assert np.mean([one.covered for one in found]) >= 0.9
    assert np.mean([one.naive_covered for one in found]) < 0.9


def test_a_common_shock_misleads_plain_thompson_and_not_us() -> None:
    rng = np.random.default_rng(12)
    world = World(name="shock", rates=FOUR, shock_sd=0.3)
    mine = np.mean([run(world, ours, rng).shares.argmax() == 3 for _ in range(40)])
    theirs = np.mean([run(world, plain, rng).shares.argmax() == 3 for _ in range(40)])
    assert mine >= 0.8
    assert theirs < mine


def test_of_equal_variants_none_is_named() -> None:
    rng = np.random.default_rng(13)
    for world in (World(name="e", rates=EQUAL), World(name="e", rates=EQUAL, drift=(0.8, 1.2))):
        found = [run(world, ours, rng).batches for _ in range(20)]
        named = [winner(pairwise_sequences(one, planned_n=USERS)) for one in found]
        assert sum(one is not None for one in named) <= 1
