"""Time as information: late conversions fool nobody, and steady traffic notices nothing."""

import math
from dataclasses import replace

import pytest
from benchmarks.late_conversions import WORLDS, World, calls

from neonblue.stats.sequential_boundary import critical_score, plan_critical_value
from neonblue.stats.sequential_time import (
    LEAST_EARLY_CRITICAL,
    UnitInformation,
    growth,
    sequence_time,
    unit_information,
)

PLAN = {"planned_n": 20_000.0, "maximum_n": None, "alpha": 0.05}


def world(name: str) -> World:
    (found,) = [one for one in WORLDS if one.name == name]
    return found


def information(p: float, n: float = 20_000.0) -> UnitInformation:
    return unit_information(
        n_control=n / 2, mean_control=p, variance_control=p * (1 - p),
        n_treatment=n / 2, mean_treatment=p, variance_treatment=p * (1 - p),
        nonnegative=True,
    )  # fmt: skip


def test_a_unit_of_a_proportion_carries_the_odds() -> None:
    assert information(0.2).information == pytest.approx(0.25)
    assert information(0.0).information == 0.0


def test_growth_counts_only_beyond_sampling_and_ripening() -> None:
    assert growth(information(0.1), None) == 1.0
    assert growth(information(0.1), information(0.09)) == 1.0
    assert growth(information(0.05), information(0.1)) == 1.0
    assert 2.5 < growth(information(0.4), information(0.1)) < 6.0 / 1.25


def test_steady_traffic_keeps_its_units_as_time() -> None:
    half = information(0.1, 10_000.0)
    found = sequence_time(information(0.102), first=half, settled=half, early=False, **PLAN)
    assert (found.plan_n, found.mixture_n, found.maximum_n) == (20_000.0, 20_000.0, None)


def test_nothing_passes_below_four_while_young() -> None:
    found = sequence_time(information(0.1), first=None, settled=None, early=True, **PLAN)
    width = plan_critical_value(
        found.plan_n, planned_n=20_000.0, alpha=0.05, mixture_n=found.mixture_n
    )
    assert min(width, LEAST_EARLY_CRITICAL) > 3.5
    score = critical_score(alpha=0.045, maximum_ratio=2.0)
    assert score / math.sqrt(found.plan_n / 20_000.0) == pytest.approx(LEAST_EARLY_CRITICAL)


def test_units_that_ended_leave_room_for_what_still_comes() -> None:
    settled = replace(information(0.05), units_ended=True)
    found = sequence_time(information(0.2), first=settled, settled=settled, early=False, **PLAN)
    assert found.maximum_n == 80_000.0
    assert found.plan_n < found.maximum_n


@pytest.mark.parametrize(
    "name",
    ["at once, over 30 days, 10 %, maximum = plan", "at once, after 5 days, 50 %, maximum = plan"],
)
def test_conversions_that_come_for_weeks_fool_only_a_boundary_in_units(name: str) -> None:
    found = calls(world(name), lift=0.0, runs=600, seed=8)
    assert found["units"].harm > 0.06
    assert max(found["information"].harm, found["information"].success) <= 0.035


def test_steady_traffic_loses_no_power() -> None:
    for name in ("steadily, at once, 10 %", "steadily, after 3 days, 10 %"):
        found = calls(world(name), lift=0.084, runs=200, seed=9)
        assert found["information"].success >= found["units"].success - 0.01
        assert found["information"].at_the_end >= found["units"].at_the_end - 0.01
