"""Seeded simulations: the promises of the product's pipeline, on fewer runs than benchmarks."""

from pathlib import Path

import numpy as np
import pytest
from benchmarks import asos_replay, early_stop, power_curves, sequential_srm
from benchmarks.error_rates import LOOKS, World, false_positives, worlds

RUNS = 400


@pytest.mark.parametrize("world", worlds(), ids=lambda world: world.name)
def test_peeking_does_not_make_false_wins(world: World) -> None:
    """At or below 5 % at 20, 100 and 1000 looks, where naive peeking reaches 50 % and more."""
    rates = false_positives(world, runs=RUNS, seed=9)
    for rule in ("product", "product, no plan"):
        assert [rates[rule, count] <= 0.05 for count in LOOKS] == [True, True, True]
    assert rates["naive z", 1000] > 0.4


def test_power_at_the_plan_and_at_twice_the_plan() -> None:
    n, z = power_curves.draw_scores(0.05, runs=1_500, seed=10)
    rule = power_curves.plan_rule("", n, float(n[99]), 2.0)
    stops = rule.first_crossing(z)
    assert (stops < 100).mean() >= 0.58
    assert (stops < 200).mean() >= 0.92


def test_the_plan_boundary_finds_more_than_the_plain_mixture() -> None:
    n, z = power_curves.draw_scores(0.05, runs=1_500, seed=11)
    found = {
        rule.name: (rule.first_crossing(z) < 100).mean()
        for rule in power_curves.rules(n, float(n[99]))
    }
    default = found["plan boundary, maximum 2 × plan (default)"]
    assert default > found["mixture, N* = plan"] + 0.05
    assert found["plan boundary, maximum = plan"] > default + 0.05


def test_a_split_of_49_to_51_is_found_by_45_000_units() -> None:
    rng = np.random.default_rng(12)
    sequential_srm.agrees_with_product(rng)
    found = sequential_srm.found_at(0.49, runs=1_500, looks=150, rng=rng)["sequential"]
    assert np.median(found) <= 45_000


def test_a_sound_split_is_left_alone() -> None:
    found = sequential_srm.found_at(0.5, runs=3_000, looks=300, rng=np.random.default_rng(13))
    assert np.isfinite(found["sequential"]).mean() <= 0.001
    assert np.isfinite(found["chi-square"]).mean() > 0.01


def test_shrinking_takes_back_what_stopping_early_adds() -> None:
    rows = {row[0]: row for row in early_stop.programme(4_000, seed=14)}
    _, _, raw, shrunk, raw_error, shrunk_error = rows["plan boundary (product)"]
    assert float(raw.rstrip("x")) > 1.2
    assert 0.8 < float(shrunk.rstrip("x")) < 1.15
    assert float(shrunk_error.rstrip(" %")) < float(raw_error.rstrip(" %"))


def test_real_experiments_overturn_fewer_calls_than_with_naive_peeking(shared_data: Path) -> None:
    replays = [asos_replay.replay(item) for item in asos_replay.read(shared_data)]
    assert len({item.key[0] for item in replays}) == 52

    def overturned(rule: str) -> float:
        early = [item for item in replays if item.early(rule)]
        return sum(item.overturned(rule) for item in early) / len(early)

    assert overturned("plan") < 0.30 < 0.45 < overturned("naive")
    reversed_sign = [item for item in replays if item.end_sign == -item.called_sign["plan"] != 0]
    assert reversed_sign == []
