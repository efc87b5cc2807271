"""Segments are compared with the rest, and discoveries are mostly true."""

import numpy as np
import pytest
from benchmarks.segments_fdr import rates
from benchmarks.segments_of_noise import WORLDS, false_worlds

from neonblue.models import MetricSummary
from neonblue.stats.comparison import compare
from neonblue.stats.many_comparisons import compare_many, t_quantiles, t_tails
from neonblue.stats.moments import collapsed, pooled, proportion_summary, summary_from_values
from neonblue.stats.segments import (
    experiment_interaction,
    interaction_test,
    novelty_trend,
    paradox_check,
    segment_effects,
    stacked,
)


def samples(k: int, seed: int, shift: float = 0.0) -> list[MetricSummary]:
    random = np.random.default_rng(seed)
    found = []
    for _ in range(k):
        x = random.normal(5, 2, 300)
        found.append(summary_from_values(x + shift + random.normal(0, 1, 300), covariate=x))
    return found


def test_many_comparisons_are_the_one_many_times() -> None:
    control, treatment = samples(12, 1), samples(12, 2, shift=0.1)
    for kind in ("mean", "proportion"):
        if kind == "proportion":
            control = [proportion_summary(200 + i, 40 + i) for i in range(12)]
            treatment = [proportion_summary(210 + i, 50) for i in range(12)]
        many = compare_many(stacked(control), stacked(treatment), kind=kind)
        for i in range(12):
            one = compare(control[i], treatment[i], kind=kind)
            for field in ("absolute_difference", "standard_error", "p_value", "ci_lower"):
                expected = getattr(one, field)
                assert getattr(many, field)[i] == pytest.approx(expected, rel=1e-9), field


def test_a_segment_with_too_few_units_is_no_number() -> None:
    control = stacked([proportion_summary(1, 1), proportion_summary(50, 5)])
    treatment = stacked([proportion_summary(50, 5), proportion_summary(50, 9)])
    many = compare_many(control, treatment, kind="proportion")
    assert many.available.tolist() == [False, True]
    assert np.isnan(many.p_value[0])


def test_no_segments_are_no_discoveries() -> None:
    none = stacked([])
    found = segment_effects(none, none, kind="mean")
    assert found.differs.size == 0
    assert np.isnan(found.interaction_p_value)


@pytest.mark.parametrize("df", [301.0, 1200.0, 1e6, 1e9])
def test_the_quick_tails_of_t_are_the_exact_ones(df: float) -> None:
    from scipy.special import stdtr, stdtrit

    t, freedom = np.linspace(0.0, 30.0, 301), np.full(301, df)
    near = t <= 8.0
    exact = stdtr(freedom, -t)
    assert t_tails(t, freedom) == pytest.approx(exact, rel=1e-6, abs=1e-290)
    assert t_tails(t, freedom)[near] == pytest.approx(exact[near], rel=1e-11)
    for alpha in (0.2, 0.05, 1e-3, 1e-6):
        assert t_quantiles(freedom[:1], alpha) == pytest.approx(-stdtrit(df, alpha / 2), rel=1e-9)


def test_collapsing_segments_is_pooling_them() -> None:
    parts = samples(7, 3)
    one, other = collapsed(stacked(parts)), pooled(parts)
    for field in MetricSummary.__slots__:
        assert getattr(one, field) == pytest.approx(getattr(other, field), rel=1e-10), field


def test_a_segment_is_compared_with_its_complement() -> None:
    control, treatment = samples(3, 4), samples(3, 5, shift=0.2)
    found = segment_effects(stacked(control), stacked(treatment), kind="mean")
    own = compare(control[0], treatment[0], kind="mean")
    rest = compare(pooled(control[1:]), pooled(treatment[1:]), kind="mean")
    assert found.method == "bh"
    assert found.difference_from_rest[0] == pytest.approx(
        own.absolute_difference - rest.absolute_difference
    )
    usual = found.difference_from_rest[0] / np.hypot(own.standard_error, rest.standard_error)
    assert found.z[0] == pytest.approx(usual, rel=0.02)
    assert abs(found.z[0]) <= abs(usual)


def test_a_segment_without_events_is_not_compared() -> None:
    """Five conversions a cell, and five without; a cell of none looks certain to a normal test."""
    few, rest = rate(1_000, 0), rate(9_000, 90)
    found = segment_effects(
        stacked([few, rest]), stacked([rate(1_000, 30), rate(9_000, 90)]), kind="proportion"
    )
    assert np.isnan(found.p_value).all()
    enough = segment_effects(
        stacked([rate(1_000, 5), rest]),
        stacked([rate(1_000, 60), rate(9_000, 95)]),
        kind="proportion",
    )
    assert (enough.p_value < 1e-4).all()


def rate(n: int, successes: int) -> MetricSummary:
    p = successes / n
    return MetricSummary(n=n, mean=p, variance=p * (1 - p))


@pytest.mark.parametrize("index", [1, 3, 5, 9])
def test_a_constant_effect_has_no_segments(index: int) -> None:
    """Rare conversions, rare variants, skewed revenue: where a normal test errs in 18 to 42 %."""
    world, worlds = WORLDS[index], 40
    searched, broken_down = false_worlds(world, worlds=worlds, seed=5)
    assert max(searched, broken_down) <= 6


def test_overlapping_segments_are_penalised_for_it() -> None:
    control, treatment = samples(3, 4), samples(3, 5)
    whole = pooled([*control, *samples(2, 8)]), pooled([*treatment, *samples(2, 9)])
    found = segment_effects(stacked(control), stacked(treatment), kind="mean", overall=whole)
    assert found.method == "by"
    assert np.isnan(found.interaction_p_value)


@pytest.mark.parametrize("signs", ["both", "same"])
def test_discoveries_are_mostly_true(signs: str) -> None:
    """200 segments, 10 % different: FDR at most 5 % and power at least 66 % (within noise)."""
    fdr, error, power, _ = rates(150, signs=signs)["segment against the rest, BH (the product)"]
    assert fdr <= 0.05 + 2 * error
    assert power >= 0.66


def test_effects_that_differ_interact() -> None:
    alike = compare_many(stacked(samples(5, 6)), stacked(samples(5, 7)), kind="mean")
    assert interaction_test(alike)[1] > 0.01
    apart = [*samples(3, 7), *samples(2, 8, shift=2.0)]
    assert (
        interaction_test(compare_many(stacked(samples(5, 6)), stacked(apart), kind="mean"))[1]
        < 1e-6
    )
    one = compare_many(stacked(samples(1, 6)), stacked(samples(1, 7)), kind="mean")
    assert np.isnan(interaction_test(one)[1])


def test_simpsons_paradox_is_seen() -> None:
    """Within both segments the treatment wins; in total it loses, as it got the worse units."""
    control = stacked([proportion_summary(9000, 4500), proportion_summary(1000, 100)])
    treatment = stacked([proportion_summary(1000, 550), proportion_summary(9000, 1100)])
    found = paradox_check(control, treatment, kind="proportion")
    assert found.paradox
    assert found.total_difference < 0 < found.stratified_difference
    assert found.mix_p_value < 1e-100


def test_a_fair_split_shows_no_paradox() -> None:
    control = stacked([proportion_summary(5000, 2500), proportion_summary(5000, 500)])
    treatment = stacked([proportion_summary(5000, 2600), proportion_summary(5000, 560)])
    found = paradox_check(control, treatment, kind="proportion")
    assert not found.paradox
    assert found.mix_p_value == pytest.approx(1.0)


def test_an_effect_that_fades_is_novelty() -> None:
    days = np.arange(8)
    errors = np.full(8, 0.1)
    assert novelty_trend(days, 1.0 - 0.12 * days, errors).kind == "novelty"
    assert novelty_trend(days, 0.1 + 0.12 * days, errors).kind == "learning"
    assert novelty_trend(days, np.full(8, 0.5), errors).kind == "none"
    assert np.isnan(novelty_trend(days[:2], np.ones(2), errors[:2]).p_value)


def test_experiments_that_share_units_may_interact() -> None:
    sides = dict(zip(("neither", "first_only", "second_only"), samples(3, 2), strict=True))
    quiet = experiment_interaction(**sides, both=samples(1, 9)[0], kind="mean")
    loud = experiment_interaction(**sides, both=samples(1, 9, shift=2.0)[0], kind="mean")
    assert quiet.p_value > 0.01
    assert loud.p_value < 1e-6
    assert loud.difference == pytest.approx(quiet.difference + 2.0)
