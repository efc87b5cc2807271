"""Quantiles that may be looked at any time."""

import math

import numpy as np
import pytest
from benchmarks.sequential_quantiles import WORLDS, calls, summary

from neonblue.stats.quantiles import outer_ranks
from neonblue.stats.sequential_quantiles import quantile_ranks, quantile_sequence


def test_ranks_are_those_of_one_look_at_its_width() -> None:
    for n in (50, 1_000, 12_345):
        low, high = quantile_ranks(n, 0.9, critical=1.959963984540054)
        assert (max(low, 1), min(high, n)) == outer_ranks(n, 0.9)


@pytest.mark.parametrize("index", [1, 3, 4])
def test_forty_looks_rarely_find_what_is_not_there(index: int) -> None:
    """Long tails, few distinct values, and a variance that does not exist."""
    larger, smaller, _ = calls(WORLDS[index], worlds=60, seed=8)
    assert larger + smaller <= 5


def test_three_times_the_latency_is_seen_at_the_first_look_after_burn_in() -> None:
    larger, smaller, units = calls(WORLDS[7], worlds=10, seed=9)
    assert (larger, smaller) == (10, 0)
    assert max(units) <= 2_000


def test_swapping_the_variants_turns_the_limits_round() -> None:
    rng = np.random.default_rng(1)
    one, other = (summary(rng.lognormal(0, 1, 5_000), 0.9, 3.0) for _ in range(2))
    found = quantile_sequence(one, other, critical=3.0)
    turned = quantile_sequence(other, one, critical=3.0)
    assert (turned.ci_lower, turned.ci_upper) == (-found.ci_upper, -found.ci_lower)
    assert turned.z == found.z


def test_too_few_units_for_a_far_quantile_say_nothing() -> None:
    rng = np.random.default_rng(1)
    one, other = (summary(rng.lognormal(0, 1, 300), 0.99, 4.0) for _ in range(2))
    found = quantile_sequence(one, other, critical=4.0)
    assert not found.available
    assert math.isinf(found.ci_upper)


def test_z_is_beyond_the_width_exactly_when_the_limits_exclude_zero() -> None:
    rng = np.random.default_rng(2)
    for shift in np.linspace(0.9, 1.3, 30):
        one = summary(rng.lognormal(0, 1, 4_000), 0.9, 3.0)
        other = summary(rng.lognormal(0, 1, 4_000) * shift, 0.9, 3.0)
        found = quantile_sequence(one, other, critical=3.0)
        assert (found.z > 3.0) == (found.ci_lower > 0.0 or found.ci_upper < 0.0)
