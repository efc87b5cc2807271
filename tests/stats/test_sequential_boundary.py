"""The plan boundary: its closed form is above the true crossing probability."""

import math

import numpy as np
import pytest

from neonblue.stats.sequential import confidence_sequence
from neonblue.stats.sequential_boundary import (
    LEAST_SCORE,
    critical_score,
    crossing_probability,
    plan_critical_value,
    plan_p_value,
)

NODES = 601


def phi(x: np.ndarray) -> np.ndarray:
    return np.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def integrated_crossing(score: float, ratio: float, *, one_sided: bool = False) -> float:
    """Chance that |B(t)| / max(1, sqrt(t)) passes ``score`` for t up to ``ratio``.

    Up to t = 1 by images; then, as B(t) / sqrt(t) is an Ornstein-Uhlenbeck process in log t, by
    stepping its density in small steps with the Brownian-bridge chance to cross within each.
    """
    low = -9.0 if one_sided else -score
    y = np.linspace(low, score, NODES)
    if one_sided:
        density = phi(y) - phi(2 * score - y)
    else:
        density = sum((-1) ** k * phi(y - 2 * k * score) for k in range(-20, 21))
    width = y[1] - y[0]
    steps = max(1, int(250 * math.log(ratio)))
    step = math.log(ratio) / steps
    if ratio == 1.0:
        return float(1 - np.trapezoid(density, dx=width))
    keep, sd = math.exp(-step / 2), math.sqrt(-math.expm1(-step))
    start, end = y[:, None], y[None, :]
    kernel = phi((end - keep * start) / sd) / sd * width
    kernel *= -np.expm1(-2 * (score - start) * (score - end) / step)
    if not one_sided:
        kernel *= -np.expm1(-2 * (score + start) * (score + end) / step)
    for _ in range(steps):
        density = density @ kernel
    return float(1 - density.sum() * width)


@pytest.mark.parametrize("ratio", [1.0, 1.05, 1.2, 1.5, 2.0, 4.0, 8.0])
@pytest.mark.parametrize("score", [1.4, 2.0, 2.6, 3.5])
def test_the_closed_form_is_never_below_the_crossing_probability(
    score: float, ratio: float
) -> None:
    bound = crossing_probability(score, maximum_ratio=ratio)
    assert bound >= integrated_crossing(score, ratio) * (1 - 1e-3) - 1e-6


def test_the_closed_form_is_close_where_decisions_are_made() -> None:
    score = critical_score(alpha=0.045, maximum_ratio=2.0)
    assert integrated_crossing(score, 2.0) == pytest.approx(0.045, rel=0.06)


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0, 4.0])
@pytest.mark.parametrize("score", [2.0, 2.3, 2.6, 3.2])
def test_the_one_sided_form_is_an_upper_bound_too(score: float, ratio: float) -> None:
    bound = crossing_probability(score, maximum_ratio=ratio, one_sided=True)
    assert bound >= integrated_crossing(score, ratio, one_sided=True) * (1 - 2e-2)


def test_low_scores_claim_nothing() -> None:
    assert crossing_probability(LEAST_SCORE - 0.01, maximum_ratio=1.0) == 1.0


def test_the_critical_score_spends_exactly_alpha() -> None:
    score = critical_score(alpha=0.03, maximum_ratio=1.7)
    assert crossing_probability(score, maximum_ratio=1.7) == pytest.approx(0.03, rel=1e-9)


@pytest.mark.parametrize("one_sided", [False, True])
@pytest.mark.parametrize("fraction", [0.02, 0.1, 0.5, 1.0, 1.4, 2.0, 2.1, 30.0])
def test_p_reaches_alpha_exactly_where_the_sequence_excludes_zero(
    fraction: float, one_sided: bool
) -> None:
    n, planned_n = fraction * 10_000, 10_000.0
    z = plan_critical_value(n, planned_n=planned_n, alpha=0.05, one_sided=one_sided)
    p = plan_p_value(z, n, planned_n=planned_n, alpha=0.05, one_sided=one_sided)
    assert p == pytest.approx(0.05, rel=1e-6)


def test_the_boundary_in_an_array_is_the_boundary_of_each() -> None:
    n = np.array([100.0, 5_000.0, 10_000.0, 50_000.0])
    each = [plan_critical_value(float(count), planned_n=10_000.0) for count in n]
    assert plan_critical_value(n, planned_n=10_000.0) == pytest.approx(each)


def test_a_nearer_maximum_buys_a_sharper_plan() -> None:
    widths = [
        plan_critical_value(10_000.0, planned_n=10_000.0, maximum_n=maximum)
        for maximum in (10_000.0, 15_000.0, 20_000.0)
    ]
    assert widths == sorted(widths)
    assert widths[0] == pytest.approx(2.2818, abs=1e-3)


def test_after_the_maximum_only_the_mixture_speaks() -> None:
    within = plan_critical_value(20_000.0, planned_n=10_000.0)
    after = plan_critical_value(20_001.0, planned_n=10_000.0)
    assert after > within
    assert math.isfinite(after)


def test_without_a_plan_it_is_the_plain_mixture() -> None:
    setting = {"planned_n": 10_000.0, "maximum_n": math.inf}
    found = confidence_sequence(0.01, 0.003, n=80_000.0, **setting)
    plain = confidence_sequence(0.01, 0.003, n=80_000.0, planned_n=10_000.0, method="mixture")
    assert found.half_width == pytest.approx(plain.half_width)
    assert found.p_value == pytest.approx(plain.p_value)


@pytest.mark.parametrize("maximum_n", [None, 10_000.0, math.inf])
@pytest.mark.parametrize("n", [300.0, 9_000.0, 15_000.0, 80_000.0])
@pytest.mark.parametrize("one_sided", [False, True])
def test_many_statistics_at_one_look_are_each_judged_alike(
    n: float, maximum_n: float | None, one_sided: bool
) -> None:
    z = np.array([-9.0, -2.0, 0.0, 1.5, 2.7, 5.0, 12.0])
    setting = {"planned_n": 10_000.0, "maximum_n": maximum_n, "one_sided": one_sided}
    each = [plan_p_value(float(one), n, **setting) for one in z]
    assert plan_p_value(z, n, **setting) == pytest.approx(each, rel=1e-9)
