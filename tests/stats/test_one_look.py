"""One look after an unwatched end: the textbook's width with the sequence's guards."""

import math
from bisect import bisect_left

import numpy as np
import pytest
from benchmarks.one_look import WORLDS, false_calls
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from neonblue.intelligence.horizon import Horizon
from neonblue.models import MetricSummary
from neonblue.stats.comparison import InsufficientData, compare
from neonblue.stats.one_look import OneLook, one_look


def look(successes: tuple[int, int], units: tuple[int, int]) -> OneLook:
    rates = [count / n for count, n in zip(successes, units, strict=True)]
    control, treatment = (
        MetricSummary(n=n, mean=p, variance=p * (1 - p)) for n, p in zip(units, rates, strict=True)
    )
    found = compare(control, treatment, kind="proportion", pooled_null=True)
    assert not isinstance(found, InsufficientData)
    horizon = Horizon(
        planned_n=sum(units),
        maximum_n=None,
        alpha=0.05,
        smallest_share=0.5,
        nonnegative=True,
        proportion=True,
    )
    return horizon.one_look(found)


@pytest.mark.parametrize("index", [0, 2, 8, 9, 10, 13, 17, 18])
def test_null_experiments_are_rarely_called(index: int) -> None:
    """Rare variants and skewed revenue, where the textbook calls 6 to 40 % on one side."""
    worlds = 300
    calls = false_calls(WORLDS[index], worlds=worlds, seed=12)
    assert calls[0].max() > 0.04 * worlds
    assert calls[1].max() <= 0.033 * worlds


@pytest.mark.parametrize(("successes", "units"), [((2, 7), (10, 10)), ((1, 5), (5, 5))])
def test_a_handful_of_units_decides_nothing(
    successes: tuple[int, int], units: tuple[int, int]
) -> None:
    found = look(successes, units)
    assert found.p_value == 1.0
    assert math.isinf(found.ci_lower)
    assert "burn-in" in found.detail


@pytest.mark.parametrize(
    ("p", "units"),
    [
        (0.5, (500, 500)),
        (0.5, (480, 520)),
        (0.3, (800, 200)),
        (0.99, (900, 1_100)),
        (0.1, (150, 150)),
    ],
)
def test_the_error_of_conversions_added_up_over_all_counts(
    p: float, units: tuple[int, int]
) -> None:
    harm, success = exact_levels(p, units)
    assert 0.0 <= harm <= 0.025
    assert 0.0 <= success <= 0.025
    if p == 0.5:
        assert success > 0.019


def exact_levels(p: float, units: tuple[int, int]) -> tuple[float, float]:
    """Chance of harm and of success without an effect; calls rise with the treatment's count."""
    counts = [np.arange(int(binom.ppf(1e-6, n, p)), int(binom.ppf(1 - 1e-6, n, p))) for n in units]
    harm = success = 0.0
    for count in counts[0]:

        def called(treated: int, control: int = int(count)) -> int:
            found = look((control, treated), units)
            return (found.ci_lower > 0.0) - (found.ci_upper < 0.0)

        weight = float(binom.pmf(count, units[0], p))
        least = bisect_left(counts[1], 1, key=lambda treated: called(int(treated)))
        most = bisect_left(counts[1], 0, key=lambda treated: called(int(treated)))
        edges = [int(counts[1][0]) + place - 1 for place in (least, most)]
        success += weight * float(binom.sf(edges[0], units[1], p))
        harm += weight * float(binom.cdf(edges[1], units[1], p))
    return harm, success


def test_rare_events_with_a_large_effect_are_decided() -> None:
    """20 and 140 of a million each, and none against 30 of a thousand."""
    rare = look((20, 140), (1_000_000, 1_000_000))
    assert rare.ci_lower > 0.0
    assert rare.p_value < 1e-6
    assert look((0, 30), (1_000, 1_000)).ci_lower > 0.0


@given(st.floats(-3, 3), st.floats(0.01, 2), st.floats(0.01, 0.2), st.floats(2, 500))
def test_p_is_below_alpha_exactly_when_the_limits_exclude_zero(
    estimate: float, error: float, alpha: float, freedom: float
) -> None:
    found = one_look(estimate, error, degrees_of_freedom=freedom, alpha=alpha, margins=None)
    excluded = found.ci_lower > 0.0 or found.ci_upper < 0.0
    assert excluded == (found.p_value < alpha) or found.p_value == pytest.approx(alpha)
