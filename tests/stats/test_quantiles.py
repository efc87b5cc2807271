"""Quantiles: intervals that hold; fixed horizon only."""

import numpy as np
import pytest

from neonblue.errors import InvalidInputError
from neonblue.stats.quantiles import (
    compare_quantiles,
    fewest_observations,
    outer_ranks,
    quantile_summary,
)


def covered(draw, quantile: float, truth: float, runs: int = 600) -> float:
    """Share of runs in which the interval of a difference of nothing holds zero."""
    random = np.random.default_rng(12)
    hits = 0
    for _ in range(runs):
        pair = [quantile_summary(**draw(random), quantile=quantile) for _ in range(2)]
        found = compare_quantiles(*pair)
        hits += found.ci_lower <= truth <= found.ci_upper
    return hits / runs


def test_intervals_hold_for_skewed_values() -> None:
    share = covered(lambda r: {"values": r.lognormal(0, 1, 800)}, 0.9, 0.0)
    assert 0.93 <= share <= 0.985


def test_ranks_are_rounded_outwards_and_stay_inside() -> None:
    assert outer_ranks(1000, 0.9) == (881, 920)
    assert outer_ranks(10, 0.99) == (9, 10)
    wide, narrow = outer_ranks(1000, 0.5, alpha=0.01), outer_ranks(1000, 0.5, alpha=0.2)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_a_result_says_that_it_may_be_read_once() -> None:
    random = np.random.default_rng(2)
    a, b = random.normal(size=500), random.normal(1, 1, 500)
    found = compare_quantiles(quantile_summary(a, 0.5), quantile_summary(b, 0.5))
    back = compare_quantiles(quantile_summary(b, 0.5), quantile_summary(a, 0.5))
    assert found.horizon == "fixed"
    assert found.absolute_difference == -back.absolute_difference
    assert found.p_value < 1e-6


def test_too_few_values_for_a_far_quantile() -> None:
    few = quantile_summary(np.arange(100.0), 0.99)
    found = compare_quantiles(few, few)
    assert fewest_observations(0.99) > 380
    assert found.status == "insufficient_data"
    assert found.reasons == ("too_few_units",)


def test_values_that_are_all_the_same() -> None:
    same = quantile_summary(np.ones(500), 0.5)
    assert compare_quantiles(same, same).reasons == ("zero_variance",)


@pytest.mark.parametrize(
    ("values", "quantile"), [([], 0.5), ([1.0, float("nan")], 0.5), ([1.0], 1.0)]
)
def test_what_has_no_quantile_is_refused(values, quantile) -> None:
    with pytest.raises(InvalidInputError):
        quantile_summary(values, quantile)
