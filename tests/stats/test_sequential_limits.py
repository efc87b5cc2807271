"""Limits that skew cannot make too narrow."""

import math

import numpy as np
import pytest
from benchmarks import coverage
from benchmarks.error_rates import World, boundaries, product_misses, revenue, simulate

from neonblue.stats.sequential import confidence_sequence
from neonblue.stats.sequential_limits import effective_units, log_margins

EVEN = {
    "n_control": 1_000.0,
    "mean_control": 2.0,
    "variance_control": 9.0,
    "n_treatment": 1_000.0,
    "mean_treatment": 3.0,
    "variance_treatment": 9.0,
}


def test_the_limits_are_movers_by_hand() -> None:
    """Zou and Donner's recipe with the means' limits on the log scale, r from the pooled cv."""
    margins = log_margins(**EVEN, nonnegative=True)
    pooled = (9 / 4 + 9 / 9) / 2
    r_c, r_t = math.sqrt(9 / 4 / 1_000), math.sqrt(pooled / 1_000)
    below, above = margins.reach(3.0, 1e-9)
    lower_t, upper_t = 3 * math.exp(-3 * r_t), 3 * math.exp(3 * r_t)
    lower_c, upper_c = 2 * math.exp(-3 * r_c), 2 * math.exp(3 * r_c)
    assert below == pytest.approx(math.hypot(3 - lower_t, upper_c - 2))
    assert above == pytest.approx(math.hypot(upper_t - 3, 2 - lower_c))


def test_they_are_never_narrower_than_the_symmetric_ones_and_meet_them_with_many_units() -> None:
    margins = log_margins(**EVEN, nonnegative=True)
    assert min(margins.reach(2.6, 1.0)) >= 2.6
    many = EVEN | {"n_control": 1e9, "n_treatment": 1e9, "mean_treatment": 2.0}
    error = math.sqrt(2 * 9 / 1e9)
    below, above = log_margins(**many, nonnegative=True).reach(2.6, error)
    assert (below, above) == pytest.approx((2.6 * error, 2.6 * error), rel=1e-3)


@pytest.mark.parametrize("changed", [{"mean_control": 0.0}, {"mean_treatment": -1.0}])
def test_means_that_have_no_log_keep_symmetric_limits(changed: dict[str, float]) -> None:
    margins = log_margins(**(EVEN | changed), nonnegative=True)
    assert margins.reach(2.0, 0.1) == (0.2, 0.2)


def test_values_that_may_be_negative_are_not_stretched_by_a_mean_near_zero() -> None:
    near_zero = EVEN | {"mean_control": 0.01, "mean_treatment": 0.02}
    assert log_margins(**near_zero, nonnegative=False).reach(2.0, 0.1) == (0.2, 0.2)


def test_arrays_are_the_same_one_by_one() -> None:
    many = {key: np.array([value, 2 * value]) for key, value in EVEN.items()}
    below, above = log_margins(**many, nonnegative=True).reach(2.6, np.array([0.1, 0.2]))
    one = log_margins(**EVEN, nonnegative=True).reach(2.6, 0.1)
    assert (below[0], above[0]) == pytest.approx(tuple(map(float, one)))


def test_p_is_alpha_where_the_widened_limit_touches_zero() -> None:
    margins = log_margins(**EVEN, nonnegative=True)
    for estimate in np.linspace(0.05, 1.0, 40):
        found = confidence_sequence(
            float(estimate), 0.134, n=2_000, planned_n=2_000, margins=margins
        )
        assert (found.p_value <= 0.05) == (found.ci_lower >= 0)


@pytest.mark.parametrize("method", ["plan", "mixture"])
def test_margins_widen_either_method(method: str) -> None:
    plain = confidence_sequence(1.0, 0.134, n=2_000, planned_n=2_000, method=method)
    margins = log_margins(**EVEN, nonnegative=True)
    wide = confidence_sequence(1.0, 0.134, n=2_000, planned_n=2_000, method=method, margins=margins)
    assert wide.ci_upper > plain.ci_upper
    assert wide.p_value >= plain.p_value


def test_effective_units_of_a_proportion_are_the_rarer_variants_expected_conversions() -> None:
    found = effective_units(
        n_control=9_000.0,
        mean_control=0.01,
        variance_control=0.0099,
        n_treatment=1_000.0,
        mean_treatment=0.01,
        variance_treatment=0.0099,
    )
    assert found == pytest.approx(10.0)
    assert effective_units(**{key: 0.0 if key[0] != "n" else 9.0 for key in EVEN}) == 0.0


@pytest.mark.parametrize(
    ("split", "lift"), [((45_000, 5_000), 2.0), ((5_000, 45_000), -0.5), ((25_000, 25_000), 2.0)]
)
def test_large_effects_on_skewed_revenue_are_covered(split: tuple[int, int], lift: float) -> None:
    """Symmetric limits miss a tenth to a quarter of these; 5 % is what is promised."""
    world = World(
        name="",
        draw=revenue(),
        draw_treatment=revenue(scale=1 + lift),
        control=split[0],
        treatment=split[1],
    )
    mean = coverage.mean_revenue(cap=math.inf, scale=1.0)
    looks = simulate(world, runs=300, looks=100, rng=np.random.default_rng(3))
    limit = boundaries(looks.n, planned_n=world.planned_n, smallest_share=world.smallest_share)
    missed = product_misses(looks, lift * mean, limit["product"], relative=False)
    assert missed.any(axis=1).mean() <= 0.05
