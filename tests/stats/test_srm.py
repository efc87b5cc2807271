"""Sample ratio mismatch, for one look and for any number of looks."""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.special import gammaln

from neonblue.errors import InvalidInputError
from neonblue.stats.srm import (
    exact_srm_p_value,
    one_look_srm_p_value,
    sequential_srm_test,
    srm_test,
)


def test_chi_square_is_scipys() -> None:
    result = srm_test([5020, 4870, 5110], [1, 1, 2])
    expected = stats.chisquare([5020, 4870, 5110], np.array([1, 1, 2]) / 4 * 15000)
    assert result.statistic == pytest.approx(expected.statistic)
    assert result.p_value == pytest.approx(expected.pvalue)


def test_weights_need_not_sum_to_one() -> None:
    assert srm_test([90, 120], [3, 4]) == srm_test([90, 120], [30, 40])


def test_a_variant_of_weight_zero_is_left_out() -> None:
    assert srm_test([520, 480, 0], [0.5, 0.5, 0]) == srm_test([520, 480], [0.5, 0.5])


@pytest.mark.parametrize("test", [srm_test, sequential_srm_test])
def test_units_where_none_were_planned_are_a_mismatch(test) -> None:
    result = test([520, 480, 1], [0.5, 0.5, 0])
    assert result.p_value == 0.0
    assert result.unexpected_units == 1.0


@pytest.mark.parametrize("concentration", [1.0, 100.0, 10_000.0])
@pytest.mark.parametrize("counts", [(0, 0, 1), (3, 9, 2), (340, 330, 310), (34_000, 0, 31)])
def test_the_bayes_factor_is_lindon_and_maleks(counts: tuple, concentration: float) -> None:
    x, shares = np.array(counts, dtype=float), np.array([0.5, 0.3, 0.2])
    a = concentration * shares
    expected = (
        gammaln(a + x).sum()
        - gammaln(a).sum()
        - gammaln(concentration + x.sum())
        + gammaln(concentration)
        - (x * np.log(shares)).sum()
    )
    result = sequential_srm_test(counts, shares, concentration=concentration)
    assert result.statistic == pytest.approx(expected, rel=1e-9, abs=1e-8)


def test_the_bayes_factor_survives_counts_near_two_to_the_53rd() -> None:
    """Equal counts leave only the prior's price: half the log of (n / concentration)."""
    half = 2.0**52
    result = sequential_srm_test([half, half], [1, 1], concentration=100.0)
    assert result.statistic == pytest.approx(-0.5 * math.log(2 * half / 100.0), abs=0.01)


def test_peeking_at_every_unit_keeps_its_error_rate() -> None:
    """Type-I below .1 % however often one looks: 1,000 walks of 100 looks."""
    random = np.random.default_rng(11)
    found = 0
    for _ in range(1000):
        control = np.cumsum(random.binomial(500, 0.5, 100))
        total = 500 * np.arange(1, 101)
        found += any(
            sequential_srm_test([c, t - c], [1, 1]).p_value < 0.001
            for c, t in zip(control[9::10], total[9::10], strict=True)
        )
    assert found <= 1


@pytest.mark.parametrize(
    ("counts", "weights"),
    [
        ([540, 460], [1, 1]),
        ([460, 540], [1, 1]),
        ([3, 97], [5, 95]),
        ([97, 3], [95, 5]),
        ([0, 400], [1, 99]),
        ([30, 9_970], [1, 999]),
        ([5, 5], [1, 1]),
        ([7, 0], [1, 1]),
    ],
)
def test_the_exact_test_is_the_binomial_one(counts: list, weights: list) -> None:
    share = weights[0] / sum(weights)
    expected = stats.binomtest(counts[0], sum(counts), share).pvalue
    assert exact_srm_p_value(counts, weights) == pytest.approx(expected, rel=1e-9)


def test_the_exact_test_takes_two_variants() -> None:
    with pytest.raises(InvalidInputError, match="two variants"):
        exact_srm_p_value([1, 2, 3], [1, 1, 1])
    assert exact_srm_p_value([5, 5, 1], [1, 1, 0]) == 0.0


def test_one_look_at_few_units_keeps_its_error_rate() -> None:
    """90/10 of 100 units: every split that can come, weighed by how often it does."""
    rare = np.arange(101)
    chance = stats.binom.pmf(rare, 100, 0.1)
    ours = np.array([one_look_srm_p_value([100 - k, k], [9, 1]) for k in rare])
    chi_square = np.array([srm_test([100 - k, k], [9, 1]).p_value for k in rare])
    assert chance[ours < 0.001].sum() <= 0.001
    assert chance[chi_square < 0.001].sum() > 0.0019


def test_one_look_is_chi_square_where_there_is_enough_or_a_third_variant() -> None:
    for counts, weights in (([5_200, 4_800], [1, 1]), ([20, 25, 30], [1, 1, 1])):
        assert one_look_srm_p_value(counts, weights) == srm_test(counts, weights).p_value
    assert one_look_srm_p_value([20, 30], [1, 1]) == exact_srm_p_value([20, 30], [1, 1])
    assert math.isnan(one_look_srm_p_value([0, 0], [1, 1]))


def test_no_units_is_too_little_data() -> None:
    assert srm_test([0, 0], [1, 1]).status == "insufficient_data"
    assert sequential_srm_test([5], [1]).status == "insufficient_data"


@pytest.mark.parametrize(
    ("counts", "weights"),
    [
        ([1, 2], [1]),
        ([-1, 2], [1, 1]),
        ([1, math.nan], [1, 1]),
        ([1, 2], [0, 0]),
        ([1, 2], [1, -1]),
    ],
)
def test_counts_and_weights_that_cannot_be_are_refused(counts: list, weights: list) -> None:
    with pytest.raises(InvalidInputError):
        srm_test(counts, weights)
