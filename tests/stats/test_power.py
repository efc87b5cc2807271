"""Power, sample sizes and plans: each undoes the other, and simulation agrees."""

import math

import numpy as np
import pytest
from benchmarks.watched_power import WORLDS, found
from hypothesis import given
from hypothesis import strategies as st

from neonblue.errors import InvalidInputError
from neonblue.stats.moments import proportion_summary, summary_from_values
from neonblue.stats.planning import (
    Baseline,
    baseline_of,
    detectable_lift,
    plan_sample,
    quantile_baseline,
)
from neonblue.stats.power import (
    guardrail_power,
    mean_mde,
    mean_power,
    mean_sample_size,
    proportion_mde,
    proportion_power,
    proportion_sample_size,
)
from neonblue.stats.quantiles import quantile_summary
from neonblue.stats.sequential_power import crossing_curve, sample_size_factor, sequential_power


@given(st.floats(0.05, 2), st.floats(0.5, 5), st.floats(0.2, 5), st.sampled_from([1, 2]))
def test_a_sample_size_has_its_power(effect: float, sd: float, ratio: float, sides: int) -> None:
    n = mean_sample_size(effect, sd=sd, ratio=ratio, sides=sides)
    power = mean_power(effect, sd=sd, n_control=n, n_treatment=n * ratio, sides=sides)
    assert power == pytest.approx(0.8, abs=1e-6) or (power > 0.8 and min(n, n * ratio) <= 2.001)


def test_an_mde_has_its_power() -> None:
    effect = mean_mde(sd=3, n_control=400, n_treatment=900)
    assert mean_power(effect, sd=3, n_control=400, n_treatment=900) == pytest.approx(0.8)
    change = proportion_mde(0.1, n_control=400, n_treatment=900, increase=False)
    assert change < 0
    assert proportion_power(0.1, 0.1 + change, n_control=400, n_treatment=900) == pytest.approx(0.8)


@pytest.mark.parametrize("ratio", [1.0, 3.0, 0.1])
def test_proportions_need_what_simulation_says(ratio: float) -> None:
    n = math.ceil(proportion_sample_size(0.3, 0.4, ratio=ratio))
    random = np.random.default_rng(2)
    n_t = math.ceil(n * ratio)
    a, b = random.binomial(n, 0.3, 40_000) / n, random.binomial(n_t, 0.4, 40_000) / n_t
    p = (n * a + n_t * b) / (n + n_t)
    z = (b - a) / np.sqrt(p * (1 - p) * (1 / n + 1 / n_t))
    assert (np.abs(z) > 1.96).mean() == pytest.approx(0.8, abs=0.015)


def test_non_inferiority_needs_units_for_the_margin() -> None:
    n = mean_sample_size(0.0, sd=5, sides=1, margin=0.2)
    assert n == pytest.approx(mean_sample_size(0.2, sd=5, sides=1))
    power = proportion_power(0.1, 0.1, n_control=9000, n_treatment=9000, sides=1, margin=0.01)
    n_p = proportion_sample_size(0.1, 0.1, sides=1, margin=0.01, power=power)
    assert n_p == pytest.approx(9000)


def test_every_guardrail_shares_the_type_two_error() -> None:
    assert guardrail_power(0.8, 0) == pytest.approx(0.8)
    assert guardrail_power(0.8, 3) == pytest.approx(0.95)


@pytest.mark.parametrize(
    "call",
    [
        lambda: mean_sample_size(0.0, sd=1),
        lambda: mean_sample_size(math.nan, sd=1),
        lambda: mean_sample_size(0.1, sd=1, power=1.0),
        lambda: mean_sample_size(0.1, sd=1, ratio=0.0),
        lambda: mean_power(0.1, sd=0.0, n_control=10, n_treatment=10),
        lambda: mean_power(0.1, sd=1.0, n_control=1, n_treatment=10),
        lambda: mean_power(0.1, sd=1.0, n_control=9, n_treatment=10, alpha=0.0),
        lambda: proportion_power(1.2, 0.1, n_control=10, n_treatment=10),
        lambda: proportion_power(0.2, 0.1, n_control=0, n_treatment=10),
        lambda: proportion_mde(0.5, n_control=2, n_treatment=2),
        lambda: guardrail_power(0.8, -1),
        lambda: Baseline(kind="mean", mean=1.0, sd=0.0),
        lambda: plan_sample(Baseline(kind="mean", mean=1, sd=1), mde=0.1, shares=(0.5, 0.0)),
        lambda: plan_sample(Baseline(kind="mean", mean=1, sd=1), mde=0.1, units_per_day=0),
        lambda: detectable_lift(Baseline(kind="mean", mean=0.0, sd=1), n_control=9, n_treatment=9),
    ],
)
def test_what_no_plan_can_do_is_refused(call) -> None:
    with pytest.raises(InvalidInputError):
        call()


def test_watching_costs_units_and_the_plan_says_how_many() -> None:
    """The plain mixture costs 1.6x, the plan boundary less; both are computed."""
    assert sample_size_factor(method="mixture") == pytest.approx(1.61, abs=0.02)
    assert sample_size_factor(method="plan") == pytest.approx(1.37, abs=0.02)
    assert sample_size_factor(method="plan", power=0.9) < sample_size_factor(method="plan")


def test_a_watched_plan_has_the_power_that_was_asked_for() -> None:
    """Rare conversions and three treatments, where the sequence alone would have 70 to 77 %."""
    for index in (3, 6):
        world = WORLDS[index]
        units = world.plan.sequential_total
        assert found(world, units, looks=20, worlds=300, seed=4) > 0.8 * 300 - 2 * 6.9


def test_a_watched_plan_for_no_harm_reads_the_limit_of_the_verdict() -> None:
    """2.5 % one-sided, for each treatment by itself."""
    baseline = Baseline(kind="mean", mean=10.0, sd=5.0)
    plan = plan_sample(baseline, mde=0.0, margin=0.02)
    assert plan.total == pytest.approx(plan_sample(baseline, mde=0.02).total, rel=0.01)
    several = plan_sample(baseline, mde=0.0, margin=0.02, shares=(1, 1, 1), comparisons=2)
    assert several.total == pytest.approx(1.5 * plan.total, rel=0.001)
    assert 1.4 < plan.sequential_factor < 1.6


def test_first_passage_is_the_reflection_principle_for_a_flat_boundary() -> None:
    from scipy.special import ndtr

    flat = crossing_curve(lambda t: 2.0 / np.sqrt(t), drift=0.0)
    assert flat[-1] == pytest.approx(2 * ndtr(-2.0), rel=2e-3)


def test_first_passage_agrees_with_walks() -> None:
    random = np.random.default_rng(9)
    steps, drift = 2000, 2.8
    from neonblue.stats.sequential_boundary import plan_critical_value

    times = np.arange(1, steps + 1) / steps
    bound = plan_critical_value(times, planned_n=1.0, maximum_n=2.0) * np.sqrt(times)
    found = 0
    for _ in range(10):
        increments = random.normal(drift / steps, steps**-0.5, (200, steps))
        found += (np.cumsum(increments, axis=1) >= bound).any(axis=1).sum()
    assert sequential_power(drift) == pytest.approx(found / 2000, abs=0.035)


def test_a_plan_adds_up() -> None:
    plan = plan_sample(
        Baseline(kind="proportion", mean=0.1, sd=0.3),
        mde=0.05,
        shares=(50, 25, 25),
        units_per_day=1000,
    )
    assert plan.total == sum(plan.per_variant)
    assert plan.per_variant[0] == pytest.approx(2 * plan.per_variant[1], abs=1)
    assert plan.sequential_total == pytest.approx(plan.total * plan.sequential_factor, abs=3)
    assert plan.days == pytest.approx(plan.total / 1000, rel=0.001)
    assert plan.sequential_days > plan.days


def test_guardrails_and_comparisons_ask_for_more() -> None:
    baseline = Baseline(kind="mean", mean=10, sd=5)
    alone = plan_sample(baseline, mde=0.02)
    assert alone.total == pytest.approx(19_625, abs=2)
    assert plan_sample(baseline, mde=0.02, guardrails=2).total > alone.total
    assert plan_sample(baseline, mde=0.02, comparisons=3).total > alone.total


def test_a_covariate_saves_units() -> None:
    random = np.random.default_rng(3)
    x = random.normal(10, 3, 5000)
    summary = summary_from_values(x + random.normal(0, 1, 5000), covariate=x)
    baseline = baseline_of(summary, kind="mean")
    assert baseline.variance_reduction == pytest.approx(0.9, abs=0.02)
    plain = Baseline(kind="mean", mean=baseline.mean, sd=baseline.sd)
    share = plan_sample(baseline, mde=0.02).total / plan_sample(plain, mde=0.02).total
    assert share == pytest.approx(0.1, abs=0.02)


def test_a_quantile_is_planned_by_its_standard_error() -> None:
    """The median of normal values has pi / 2 times the variance of their mean."""
    random, mean = np.random.default_rng(5), Baseline(kind="mean", mean=10, sd=2)
    ratios = []
    for _ in range(20):
        values = random.normal(10, 2, 40_000)
        median = quantile_baseline(quantile_summary(values, 0.5))
        ratios.append(plan_sample(median, mde=0.02).total / plan_sample(mean, mde=0.02).total)
    assert np.mean(ratios) == pytest.approx(math.pi / 2, rel=0.1)
    with pytest.raises(InvalidInputError, match="quantile_baseline"):
        baseline_of(summary_from_values(values), kind="quantile")


def test_baselines_of_every_kind() -> None:
    assert baseline_of(proportion_summary(1000, 100), kind="proportion").sd == pytest.approx(0.3)
    ratio = summary_from_values([1.0, 2, 3, 5], denominator=[2.0, 3, 5, 6])
    assert baseline_of(ratio, kind="ratio").mean == pytest.approx(11 / 16)
    lift = detectable_lift(
        baseline_of(proportion_summary(1000, 100), kind="proportion"),
        n_control=57_763,
        n_treatment=57_763,
    )
    assert lift == pytest.approx(0.05, abs=1e-4)
