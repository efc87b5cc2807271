"""Intervals and exact tests of two proportions."""

import pytest
from scipy import stats

from neonblue.errors import InvalidInputError
from neonblue.stats.proportions import (
    Counts,
    barnard_p_value,
    barnard_statistic,
    boschloo_p_value,
    difference_interval,
    fisher_odds_ratio,
    fisher_p_value,
    proportion_interval,
    yates_p_value,
)
from neonblue.stats.ratio_intervals import odds_ratio_interval, risk_ratio_interval

SMALL = Counts(successes_control=2, n_control=30, successes_treatment=8, n_treatment=28)
METHODS = ("wald", "yates", "newcomb", "miettinen-nurminen", "agresti-caffo")


@pytest.mark.parametrize("method", METHODS)
def test_swapping_variants_mirrors_the_interval(method: str) -> None:
    other = Counts(successes_control=8, n_control=28, successes_treatment=2, n_treatment=30)
    forth = difference_interval(SMALL, method=method)
    back = difference_interval(other, method=method)
    assert forth == pytest.approx((-back[1], -back[0]), abs=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_an_interval_holds_the_difference(method: str) -> None:
    lower, upper = difference_interval(SMALL, method=method, alpha=0.2)
    assert -1.0 <= lower < SMALL.p_treatment - SMALL.p_control < upper <= 1.0


def test_score_intervals_hold_where_a_variant_has_none_or_all() -> None:
    none = Counts(successes_control=0, n_control=20, successes_treatment=20, n_treatment=20)
    lower, upper = difference_interval(none, method="miettinen-nurminen")
    assert 0.7 < lower < 0.9
    assert upper == pytest.approx(1.0, abs=1e-9)


def test_the_score_interval_is_where_the_likelihood_puts_it() -> None:
    """Against a numerical maximisation of the restricted likelihood."""
    limits = difference_interval(SMALL, method="miettinen-nurminen")
    assert limits == pytest.approx((0.0251812, 0.4185312), abs=1e-7)


def test_yates_is_scipys_corrected_chi_square() -> None:
    expected = stats.chi2_contingency(SMALL.table, correction=True).pvalue
    assert yates_p_value(SMALL) == pytest.approx(expected)


def test_yates_without_any_difference_is_certain_of_nothing() -> None:
    same = Counts(successes_control=5, n_control=50, successes_treatment=5, n_treatment=50)
    assert yates_p_value(same) == 1.0
    assert yates_p_value(Counts(**{**vars_of(same), "successes_control": 0,
                                   "successes_treatment": 0})) == 1.0  # fmt: skip


def vars_of(counts: Counts) -> dict[str, float]:
    return {name: getattr(counts, name) for name in Counts.__slots__}


def test_one_sided_tests_share_the_two_sides_out() -> None:
    assert yates_p_value(SMALL, alternative="greater") < 0.05
    assert yates_p_value(SMALL, alternative="less") > 0.9
    assert fisher_p_value(SMALL, alternative="greater") < fisher_p_value(SMALL) < 0.06


def test_unconditional_tests_are_sharper_than_fishers() -> None:
    assert barnard_p_value(SMALL) < fisher_p_value(SMALL)
    assert boschloo_p_value(SMALL) < fisher_p_value(SMALL)


@pytest.mark.parametrize("pooled", [True, False])
def test_barnards_statistic_is_scipys(pooled: bool) -> None:
    expected = stats.barnard_exact(SMALL.table, pooled=pooled).statistic
    assert barnard_statistic(SMALL, pooled=pooled) == pytest.approx(expected)


def test_ratios_lie_in_their_intervals() -> None:
    risk = SMALL.p_treatment / SMALL.p_control
    lower, upper = risk_ratio_interval(SMALL)
    assert lower < risk < upper
    odds, _ = fisher_odds_ratio(SMALL, conditional=False)
    lower, upper = odds_ratio_interval(SMALL)
    assert lower < odds < upper
    conditional, limits = fisher_odds_ratio(SMALL)
    assert limits[0] < conditional < odds


def test_one_proportion_by_wilson_and_exactly() -> None:
    wilson, exact = proportion_interval(0, 20), proportion_interval(0, 20, method="beta")
    assert wilson[0] == pytest.approx(0.0, abs=1e-12)
    assert wilson[1] == pytest.approx(0.161, abs=1e-3)
    assert exact[1] == pytest.approx(1 - 0.025 ** (1 / 20))


@pytest.mark.parametrize(("successes", "n"), [(-1, 10), (11, 10), (0, 0), (float("nan"), 10)])
def test_impossible_counts_are_refused(successes: float, n: float) -> None:
    with pytest.raises(InvalidInputError, match="successes"):
        Counts(successes_control=1, n_control=2, successes_treatment=successes, n_treatment=n)
