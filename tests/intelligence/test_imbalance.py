"""The values or days that carry a mismatch are named, and no others."""

import numpy as np
import pytest

from neonblue.intelligence.diagnosis.imbalance import (
    CountTable,
    independence_log_p,
    localise,
    localise_days,
    plan_p_value,
)

EVEN = np.array([0.5, 0.5])


def table(rows: dict[str, tuple[int, ...]]) -> CountTable:
    return CountTable(
        dimension="browser", values=tuple(rows), counts=np.array(list(rows.values()), dtype=float)
    )


def test_the_value_that_loses_units_is_named_and_explains_all() -> None:
    counts = table({"Chrome": (6010, 5990), "Safari": (3000, 1900), "Firefox": (995, 1005)})
    found = localise(counts, EVEN)
    assert found is not None
    assert found.values == ("Safari",)
    assert found.explains_all


def test_of_two_values_the_one_off_the_plan_is_named() -> None:
    found = localise(table({"desktop": (5020, 4980), "mobile": (5000, 4300)}), EVEN)
    assert found is not None
    assert found.values == ("mobile",)


def test_several_values_are_named_together() -> None:
    counts = table({"a": (5000, 5010), "b": (2000, 1500), "c": (2000, 1480), "d": (990, 1000)})
    found = localise(counts, EVEN)
    assert found is not None
    assert found.values == ("b", "c")
    assert found.explains_all


def test_a_mismatch_shared_by_all_values_is_not_localised() -> None:
    counts = table({"a": (5500, 5000), "b": (2200, 2000), "c": (1100, 1000)})
    assert localise(counts, EVEN) is None


def test_balanced_values_rarely_accuse_anyone() -> None:
    rng = np.random.default_rng(7)
    accused = 0
    for _ in range(1000):
        treated = rng.binomial(1000, 0.5, 12).astype(float)
        counts = np.stack([1000 - treated, treated], axis=1)
        names = tuple(f"v{row}" for row in range(12))
        accused += (
            localise(CountTable(dimension="x", values=names, counts=counts), EVEN) is not None
        )
    assert accused <= 5


@pytest.mark.parametrize(("first", "last"), [(9, 14), (4, 5), (0, 3)])
def test_the_run_of_days_off_the_plan_is_found(first: int, last: int) -> None:
    rng = np.random.default_rng(11)
    share = np.where((np.arange(14) >= first) & (np.arange(14) < last), 0.62, 0.5)
    control = rng.binomial(2000, share).astype(float)
    days = CountTable(
        dimension="day",
        values=tuple(f"day {d}" for d in range(14)),
        counts=np.stack([control, 2000 - control], axis=1),
    )
    found = localise_days(days, EVEN)
    assert found is not None
    assert found.values == tuple(f"day {d}" for d in range(first, last))


def test_extreme_evidence_keeps_its_order() -> None:
    inside, outside = np.array([50_000.0, 10_000.0]), np.array([50_000.0, 50_000.0])
    weaker = independence_log_p(inside, outside)
    assert independence_log_p(inside * 10, outside * 10) < weaker < -1000


def test_a_variant_without_planned_traffic_is_left_out() -> None:
    assert plan_p_value(np.array([50.0, 50.0, 0.0]), np.array([0.5, 0.5, 0.0])) == 1.0
