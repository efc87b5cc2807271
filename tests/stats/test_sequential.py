"""The confidence sequence that the product decides on."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neonblue.errors import InvalidInputError
from neonblue.stats.sequential import (
    burn_in_units,
    confidence_sequence,
    pooled_log_ratio_standard_error,
    pooled_standard_error,
    relative_confidence_sequence,
)

estimates = st.floats(-1e3, 1e3)
errors = st.floats(1e-6, 1e3)
totals = st.floats(1_000, 1e7)


@given(estimates, errors, totals)
def test_swapping_variants_negates_the_sequence(estimate: float, error: float, n: float) -> None:
    one = confidence_sequence(estimate, error, n=n, planned_n=100_000)
    other = confidence_sequence(-estimate, error, n=n, planned_n=100_000)
    assert one.ci_lower == -other.ci_upper
    assert one.p_value == other.p_value


@given(estimates, errors, totals)
def test_the_sequence_excludes_zero_exactly_when_p_is_below_alpha(
    estimate: float, error: float, n: float
) -> None:
    found = confidence_sequence(estimate, error, n=n, planned_n=100_000, alpha=0.05)
    if abs(found.p_value - 0.05) > 1e-6 and found.available:
        assert (found.p_value < 0.05) == (not found.ci_lower <= 0 <= found.ci_upper)


@given(st.floats(-6, 6), st.floats(0.5, 200))
def test_units_of_measurement_do_not_matter(z: float, scale: float) -> None:
    one = confidence_sequence(z, 1.0, n=20_000, planned_n=50_000)
    other = confidence_sequence(z * scale, scale, n=20_000, planned_n=50_000)
    assert other.p_value == pytest.approx(one.p_value, rel=1e-9)
    assert other.half_width == pytest.approx(one.half_width * scale)


def test_the_plain_mixture_is_the_published_formula() -> None:
    effect, error = 0.006999999999999992, 0.0019264007890363833
    found = confidence_sequence(effect, error, n=100_000, planned_n=200_000, method="mixture")
    assert found.ci_lower == pytest.approx(0.0010598107955928958, rel=1e-9)
    assert found.p_value == pytest.approx(0.011429402476254878, rel=1e-9)


def test_one_sided_sequences_point_one_way_and_reach_further() -> None:
    two = confidence_sequence(0.01, 0.004, n=50_000, planned_n=50_000)
    greater = confidence_sequence(0.01, 0.004, n=50_000, planned_n=50_000, alternative="greater")
    less = confidence_sequence(0.01, 0.004, n=50_000, planned_n=50_000, alternative="less")
    assert greater.ci_upper == math.inf
    assert less.ci_lower == -math.inf
    assert two.ci_lower < greater.ci_lower < 0.01
    assert greater.p_value < two.p_value < less.p_value


def test_relative_lift_is_a_fraction_with_limits_above_minus_one() -> None:
    found = relative_confidence_sequence(
        mean_control=0.10,
        mean_treatment=0.105,
        log_ratio_standard_error=0.45,
        n=50_000,
        planned_n=50_000,
    )
    assert found.estimate == pytest.approx(0.05)
    assert -1.0 < found.ci_lower < 0.05 < found.ci_upper


def test_means_that_are_hardly_known_have_no_relative_limits() -> None:
    found = relative_confidence_sequence(
        mean_control=0.10,
        mean_treatment=0.105,
        log_ratio_standard_error=0.6,
        n=50_000,
        planned_n=50_000,
    )
    assert found.status == "insufficient_data"
    assert found.estimate == pytest.approx(0.05)
    assert found.p_value == 1.0


@pytest.mark.parametrize(("control", "treatment"), [(0.0, 1.0), (-2.0, 1.0), (1.0, -1.0)])
def test_without_two_positive_means_there_is_no_relative_lift(
    control: float, treatment: float
) -> None:
    found = relative_confidence_sequence(
        mean_control=control,
        mean_treatment=treatment,
        log_ratio_standard_error=0.1,
        n=50_000,
        planned_n=50_000,
    )
    assert found.status == "insufficient_data"
    assert "absolute_difference" in found.detail


@pytest.mark.parametrize(
    ("estimate", "error", "n", "what"),
    [
        (math.nan, 0.1, 50_000, "no units"),
        (0.1, 0.0, 50_000, "same value"),
        (0.1, -1e-18, 50_000, "same value"),
        (0.1, math.nan, 50_000, "same value"),
        (0.1, math.inf, 50_000, "same value"),
        (0.1, 0.01, 0, "burn-in"),
        (0.1, 0.01, 1, "burn-in"),
        (0.1, 0.01, math.nan, "burn-in"),
    ],
)
def test_too_little_is_a_typed_answer_that_claims_nothing(
    estimate: float, error: float, n: float, what: str
) -> None:
    found = confidence_sequence(estimate, error, n=n, planned_n=50_000)
    assert found.status == "insufficient_data"
    assert what in found.detail
    assert (found.ci_lower, found.ci_upper, found.p_value) == (-math.inf, math.inf, 1.0)


@pytest.mark.parametrize("planned_n", [0.0, -5.0, math.nan, math.inf])
def test_a_sequence_without_a_plan_is_refused(planned_n: float) -> None:
    with pytest.raises(InvalidInputError, match="planned_sample_size"):
        confidence_sequence(0.1, 0.01, n=1_000, planned_n=planned_n)


def test_a_maximum_below_the_plan_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="maximum_sample_size"):
        confidence_sequence(0.1, 0.01, n=1_000, planned_n=5_000, maximum_n=4_000)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, -0.05, math.nan])
def test_alpha_outside_its_range_is_refused(alpha: float) -> None:
    with pytest.raises(InvalidInputError, match="alpha"):
        confidence_sequence(0.1, 0.01, n=1_000, planned_n=5_000, alpha=alpha)


def test_far_tails_are_numbers_and_not_zero() -> None:
    found = confidence_sequence(36.5, 1.0, n=50_000, planned_n=50_000)
    assert 0.0 < found.p_value < 1e-280
    further = confidence_sequence(400.0, 1.0, n=50_000, planned_n=50_000)
    assert further.p_value == 0.0
    assert further.log_e_value > 60_000


def test_epoch_sized_values_lose_nothing() -> None:
    found = confidence_sequence(2.0**53, 2.0**40, n=2.0**53, planned_n=2.0**53)
    assert found.available
    assert found.ci_lower > 0


def test_pooling_changes_nothing_with_equal_n_and_protects_a_small_variant() -> None:
    def error(n_treatment: float, variance_treatment: float) -> float:
        return float(
            pooled_standard_error(
                n_control=10_000.0,
                variance_control=4.0,
                n_treatment=n_treatment,
                variance_treatment=variance_treatment,
            )
        )

    assert error(10_000.0, 1.0) == pytest.approx(math.sqrt(5.0 / 10_000))
    assert error(100.0, 0.01) > math.sqrt(4.0 / 10_000 + 0.01 / 100)
    assert error(100.0, 9.0) == pytest.approx(math.sqrt(4.0 / 10_000 + 9.0 / 100))


def test_the_pooled_log_ratio_error_is_the_delta_method_with_equal_variants() -> None:
    found = pooled_log_ratio_standard_error(
        n_control=1_000.0,
        mean_control=2.0,
        variance_control=4.0,
        n_treatment=1_000.0,
        mean_treatment=2.0,
        variance_treatment=4.0,
    )
    assert float(found) == pytest.approx(math.sqrt(2 * 4.0 / (1_000 * 4.0)))


def test_burn_in_waits_for_the_rarest_variant_and_a_share_of_the_plan() -> None:
    assert burn_in_units(10_000) == 200
    assert burn_in_units(10_000, smallest_share=0.1) == 1_000
    assert burn_in_units(1_000_000) == 10_000
