"""Differences of effects: the usual z where events are plenty, guarded limits where few."""

import numpy as np
import pytest
from scipy.special import ndtr

from neonblue.models import MetricSummary
from neonblue.stats.contrasts import Contrasts, contrasts
from neonblue.stats.many_comparisons import ManyComparisons, compare_many

RUNS = 20_000


def arm(random: np.random.Generator, units: int, rate: float) -> MetricSummary:
    shares = random.binomial(units, rate, RUNS) / units
    return MetricSummary(n=np.full(RUNS, float(units)), mean=shares, variance=shares * (1 - shares))


def drawn(units: tuple[int, ...], rates: tuple[float, ...]) -> tuple[Contrasts, np.ndarray]:
    """The contrasts of control and treatment in a segment and in its rest, and the plain p."""
    random = np.random.default_rng(17)
    arms = [arm(random, count, rate) for count, rate in zip(units, rates, strict=True)]
    segment, rest = (
        compare_many(control, treatment, kind="proportion")
        for control, treatment in (arms[:2], arms[2:])
    )
    return contrasts(segment, rest, nonnegative=True, proportion=True), plain(segment, rest)


def plain(segment: ManyComparisons, rest: ManyComparisons) -> np.ndarray:
    difference = segment.absolute_difference - rest.absolute_difference
    error = np.hypot(segment.standard_error, rest.standard_error)
    return np.asarray(2.0 * ndtr(-np.abs(difference / error)))


@pytest.mark.parametrize(
    ("units", "rates"),
    [
        ((1500, 1500, 3000, 3000), (0.3, 0.3, 0.3, 0.3)),
        ((18_000, 2_000, 36_000, 4_000), (0.1, 0.1, 0.1, 0.1)),
        ((20_000, 20_000, 40_000, 40_000), (0.01, 0.03, 0.01, 0.03)),
        ((40_000, 10_000, 80_000, 20_000), (0.98, 0.98, 0.98, 0.98)),
    ],
)
def test_with_a_hundred_events_a_cell_the_usual_z_errs_as_it_should(
    units: tuple[int, ...], rates: tuple[float, ...]
) -> None:
    found, usual = drawn(units, rates)
    assert np.isfinite(found.p_value).all()
    np.testing.assert_allclose(found.p_value, usual, rtol=1e-9)
    assert (found.p_value < 0.05).mean() < 0.055
    assert (found.p_value < 0.0025).mean() < 0.004
    assert ((found.ci_lower > 0) | (found.ci_upper < 0)).mean() < 0.055


def test_with_few_events_the_guard_stays() -> None:
    found, usual = drawn((4_500, 500, 9_000, 1_000), (0.03, 0.03, 0.03, 0.03))
    assert (usual < 0.0025).mean() > 0.0025
    assert (found.p_value < 0.0025).mean() < 0.0025
    assert (found.p_value >= usual - 1e-9).mean() > 0.99


def test_what_is_real_is_found_as_often_as_by_the_usual_test() -> None:
    found, usual = drawn((1500, 1500, 3000, 3000), (0.3, 0.38, 0.3, 0.3))
    assert (found.p_value < 0.0025).mean() == (usual < 0.0025).mean() > 0.75
