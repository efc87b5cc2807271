"""One textbook comparison: right numbers, symmetric in its variants, typed when impossible."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from neonblue.errors import InvalidInputError
from neonblue.models import MetricSummary
from neonblue.stats.comparison import Comparison, InsufficientData, compare
from neonblue.stats.moments import proportion_summary, summary_from_values

samples = st.lists(st.floats(-1e4, 1e4).map(lambda x: round(x, 3)), min_size=3, max_size=40)


def found(result: Comparison | InsufficientData) -> Comparison:
    assert isinstance(result, Comparison), result
    return result


def means(n: float, mean: float, variance: float) -> MetricSummary:
    return MetricSummary(n=n, mean=mean, variance=variance)


def paired(seed: int, shift: float, size: int = 400) -> MetricSummary:
    random = np.random.default_rng(seed)
    x = random.normal(10, 3, size)
    return summary_from_values(x + shift + random.normal(0, 1, size), covariate=x)


def test_welch_is_scipys() -> None:
    random = np.random.default_rng(5)
    a, b = random.normal(3, 1, 40), random.normal(3.4, 3, 25)
    result = found(compare(summary_from_values(a), summary_from_values(b), kind="mean"))
    expected = stats.ttest_ind(b, a, equal_var=False)
    limits = expected.confidence_interval(0.95)
    assert result.statistic == pytest.approx(expected.statistic)
    assert result.p_value == pytest.approx(expected.pvalue)
    assert (result.ci_lower, result.ci_upper) == pytest.approx((limits.low, limits.high))


@pytest.mark.parametrize("alternative", ["greater", "less"])
def test_one_sided_tests_are_scipys(alternative: str) -> None:
    random = np.random.default_rng(6)
    a, b = random.normal(3, 1, 40), random.normal(3.4, 3, 25)
    result = found(
        compare(
            summary_from_values(a), summary_from_values(b), kind="mean", alternative=alternative
        )
    )
    expected = stats.ttest_ind(b, a, equal_var=False, alternative=alternative)
    limits = expected.confidence_interval(0.95)
    assert result.p_value == pytest.approx(expected.pvalue)
    assert (result.ci_lower, result.ci_upper) == pytest.approx((limits.low, limits.high))


def test_pooled_null_of_means_is_students_test() -> None:
    random = np.random.default_rng(7)
    a, b = random.normal(3, 1, 400), random.normal(3.1, 3, 25)
    result = found(
        compare(summary_from_values(a), summary_from_values(b), kind="mean", pooled_null=True)
    )
    assert result.p_value == pytest.approx(stats.ttest_ind(b, a).pvalue)


@given(samples, samples)
def test_swapping_variants_negates_the_difference(a: list[float], b: list[float]) -> None:
    first, second = summary_from_values(a), summary_from_values(b)
    assume(first.variance > 1e-6 and second.variance > 1e-6)
    forth, back = (
        found(compare(first, second, kind="mean")),
        found(compare(second, first, kind="mean")),
    )
    assert forth.absolute_difference == -back.absolute_difference
    assert forth.p_value == pytest.approx(back.p_value, rel=1e-9)
    assert forth.ci_lower == pytest.approx(-back.ci_upper, rel=1e-9, abs=1e-9)


@given(samples, samples, st.floats(0.01, 100))
def test_the_lift_does_not_depend_on_the_unit_of_measure(
    a: list[float], b: list[float], scale: float
) -> None:
    first, second = np.abs(a) + 1.0, np.abs(b) + 1.0
    assume(first.std() > 1e-3 and second.std() > 1e-3)
    plain = found(compare(summary_from_values(first), summary_from_values(second), kind="mean"))
    scaled = found(
        compare(
            summary_from_values(scale * first), summary_from_values(scale * second), kind="mean"
        )
    )
    assert scaled.relative_lift == pytest.approx(plain.relative_lift, rel=1e-6, abs=1e-9)
    assert scaled.p_value == pytest.approx(plain.p_value, rel=1e-6)


@given(samples, samples, st.floats(-1e4, 1e4))
def test_a_shift_of_both_changes_no_difference(
    a: list[float], b: list[float], shift: float
) -> None:
    assume(np.std(a) > 1e-2 and np.std(b) > 1e-2)
    plain = found(compare(summary_from_values(a), summary_from_values(b), kind="mean"))
    moved = found(
        compare(
            summary_from_values(np.add(a, shift)),
            summary_from_values(np.add(b, shift)),
            kind="mean",
        )
    )
    assert moved.absolute_difference == pytest.approx(plain.absolute_difference, abs=1e-6)
    assert moved.standard_error == pytest.approx(plain.standard_error, rel=1e-6)


def test_cuped_is_the_test_of_residuals() -> None:
    random = np.random.default_rng(8)
    x = random.normal(10, 3, 800)
    y = x + random.normal(0, 1, 800)
    y[400:] += 0.1
    theta = np.cov(y, x)[0, 1] / np.var(x, ddof=1)
    residual = y - theta * (x - x.mean())
    result = found(
        compare(
            summary_from_values(y[:400], covariate=x[:400]),
            summary_from_values(y[400:], covariate=x[400:]),
            kind="mean",
        )
    )
    expected = stats.ttest_ind(residual[400:], residual[:400], equal_var=False)
    assert result.theta == pytest.approx(theta)
    assert result.p_value == pytest.approx(expected.pvalue)
    assert result.mean_control == pytest.approx(residual[:400].mean())


def test_cuped_does_what_it_promises_and_can_be_left_out() -> None:
    control, treatment = paired(1, 0.0), paired(2, 0.1)
    adjusted = found(compare(control, treatment, kind="mean"))
    raw = found(compare(control, treatment, kind="mean", adjust=False))
    assert raw.variance_reduction is None
    assert adjusted.variance_reduction == pytest.approx(
        1 - (adjusted.standard_error / raw.standard_error) ** 2
    )
    assert adjusted.variance_reduction > 0.85


def test_a_constant_covariate_changes_nothing() -> None:
    y = np.random.default_rng(9).normal(size=50)
    plain = found(compare(summary_from_values(y), summary_from_values(y + 1), kind="mean"))
    constant = found(
        compare(
            summary_from_values(y, covariate=np.ones(50)),
            summary_from_values(y + 1, covariate=np.ones(50)),
            kind="mean",
        )
    )
    assert constant.absolute_difference == plain.absolute_difference
    assert constant.variance_reduction is None


def test_a_ratio_of_constant_denominators_is_a_mean() -> None:
    random = np.random.default_rng(10)
    a, b = random.normal(3, 1, 60), random.normal(3.2, 1, 60)
    mean = found(compare(summary_from_values(a), summary_from_values(b), kind="mean"))
    ratio = found(
        compare(
            summary_from_values(a, denominator=np.full(60, 2.0)),
            summary_from_values(b, denominator=np.full(60, 2.0)),
            kind="ratio",
        )
    )
    assert ratio.absolute_difference == pytest.approx(mean.absolute_difference / 2)
    assert ratio.p_value == pytest.approx(mean.p_value)


def test_ratio_cuped_with_constant_denominators_is_cuped() -> None:
    random = np.random.default_rng(11)
    x = random.normal(5, 1, 200)
    y = x + random.normal(0, 0.5, 200)
    ones = np.ones(100)
    mean = found(
        compare(
            summary_from_values(y[:100], covariate=x[:100]),
            summary_from_values(y[100:], covariate=x[100:]),
            kind="mean",
        )
    )
    ratio = found(
        compare(
            *(
                summary_from_values(
                    y[rows], denominator=ones, covariate=x[rows], covariate_denominator=ones
                )
                for rows in (slice(0, 100), slice(100, 200))
            ),
            kind="ratio",
        )
    )
    assert ratio.absolute_difference == pytest.approx(mean.absolute_difference)
    assert ratio.standard_error == pytest.approx(mean.standard_error)


def test_a_non_inferiority_test_moves_the_null() -> None:
    result = found(
        compare(
            proportion_summary(20000, 2000),
            proportion_summary(20000, 1980),
            kind="proportion",
            null_difference=-0.005,
            alternative="greater",
        )
    )
    assert result.statistic == pytest.approx(1.33630993811068)
    assert result.p_value == pytest.approx(0.0907239947645569)


def test_p_values_reach_far_into_the_tail() -> None:
    result = found(compare(means(1e6, 10, 25), means(1e6, 10.26, 25), kind="mean"))
    assert 1e-298 < result.p_value < 1e-292
    assert result.p_value == pytest.approx(
        2 * stats.t.sf(result.statistic, result.degrees_of_freedom), rel=1e-6
    )


class TestNegativeBaselines:
    """A lift counts against the size of the control's mean: positive is always more."""

    def test_a_loss_that_shrinks_is_a_positive_lift(self) -> None:
        result = found(compare(means(900, -10, 4), means(900, -8, 4), kind="mean"))
        assert result.relative_lift == pytest.approx(0.2)
        assert result.relative_ci_lower < 0.2 < result.relative_ci_upper

    def test_limits_mirror_those_of_the_sizes(self) -> None:
        negative = found(compare(means(900, -10, 4), means(900, -8, 4), kind="mean"))
        positive = found(compare(means(900, 10, 4), means(900, 8, 4), kind="mean"))
        assert negative.relative_ci_lower == pytest.approx(-positive.relative_ci_upper)
        assert negative.relative_ci_upper == pytest.approx(-positive.relative_ci_lower)

    def test_across_zero_there_is_a_lift_without_an_interval(self) -> None:
        result = found(compare(means(900, -1, 4), means(900, 1, 4), kind="mean"))
        assert result.relative_lift == pytest.approx(2.0)
        assert result.relative_ci_lower is None

    def test_from_zero_there_is_no_lift(self) -> None:
        result = found(compare(means(900, 0, 4), means(900, 1, 4), kind="mean"))
        assert result.relative_lift is None


@pytest.mark.parametrize(
    ("control", "treatment", "kind", "reason"),
    [
        (means(0, 0, 0), means(10, 1, 1), "mean", "too_few_units"),
        (means(1, 3, 0), means(10, 1, 1), "mean", "too_few_units"),
        (means(10, 1, 0), means(10, 1, 0), "mean", "zero_variance"),
        (means(10, 0, 0), means(10, 0, 0), "proportion", "zero_variance"),
        (means(10, math.nan, 1), means(10, 1, 1), "mean", "not_finite"),
        (means(10, 1, math.inf), means(10, 1, 1), "mean", "not_finite"),
        (means(math.nan, 1, 1), means(10, 1, 1), "mean", "too_few_units"),
        (
            MetricSummary(n=10, mean=1, variance=1, covariance_y_d=math.nan),
            means(10, 1, 1),
            "ratio",
            "not_finite",
        ),
        (
            MetricSummary(n=10, mean=1, variance=1, denominator_mean=0),
            means(10, 1, 1),
            "ratio",
            "zero_denominator",
        ),
    ],
)
def test_too_little_is_said_so(
    control: MetricSummary, treatment: MetricSummary, kind: str, reason: str
) -> None:
    for pair in ((control, treatment), (treatment, control)):
        result = compare(*pair, kind=kind)
        assert result.status == "insufficient_data"
        assert result.reasons == (reason,)


@pytest.mark.parametrize(
    ("summary", "kind", "message"),
    [
        (means(-1, 1, 1), "mean", "not a number of units"),
        (means(math.inf, 1, 1), "mean", "not a number of units"),
        (means(10, 1, -1), "mean", "below 0"),
        (means(10, 1.5, 1), "proportion", "outside 0 to 1"),
    ],
)
def test_the_impossible_is_refused(summary: MetricSummary, kind: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        compare(means(10, 0.5, 0.25), summary, kind=kind)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, math.nan])
def test_alpha_is_a_probability(alpha: float) -> None:
    with pytest.raises(InvalidInputError, match="alpha"):
        compare(means(10, 1, 1), means(10, 1, 1), kind="mean", alpha=alpha)


def test_a_variance_that_rounding_made_negative_counts_as_zero() -> None:
    result = found(compare(means(100, 1e4, -1e-4), means(100, 1e4, 2.0), kind="mean"))
    assert result.variance_control == 0.0


def test_a_proportion_that_rounding_put_above_one_is_one() -> None:
    result = found(
        compare(proportion_summary(50, 30), means(50, 1.0 + 1e-12, 0.0), kind="proportion")
    )
    assert result.variance_treatment == 0.0


def test_one_variant_without_variance_can_be_compared() -> None:
    result = found(
        compare(proportion_summary(100, 0), proportion_summary(100, 9), kind="proportion")
    )
    assert result.p_value < 0.01
    assert result.relative_lift is None


def test_counts_near_two_to_the_53rd() -> None:
    n = 2.0**53
    result = found(
        compare(proportion_summary(n, n / 2), proportion_summary(n, n / 2 + 2e8), kind="proportion")
    )
    assert result.statistic == pytest.approx(2e8 / n / math.sqrt(0.5 / n), rel=1e-6)
