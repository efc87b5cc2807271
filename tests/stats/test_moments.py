"""Summaries are what two passes over the raw values give, however they were put together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neonblue.errors import InvalidInputError
from neonblue.models import MetricSummary
from neonblue.stats.moments import (
    MEANS,
    PRODUCTS,
    merged,
    pooled,
    proportion_summary,
    removed,
    summary_from_sums,
    summary_from_values,
)

FIELDS = ("n", *MEANS.values(), *PRODUCTS.values())
values = st.lists(st.floats(-1e6, 1e6), min_size=0, max_size=30)


def columns(size: int, seed: int = 3) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    shared = random.normal(size=size)
    return {
        "values": shared + random.normal(size=size),
        "denominator": 5 + random.poisson(3, size) + shared,
        "covariate": shared + 2 * random.normal(size=size),
        "covariate_denominator": 4 + random.poisson(2, size) + shared,
    }


def same(a: MetricSummary, b: MetricSummary, rel: float = 1e-9) -> None:
    for field in FIELDS:
        assert getattr(a, field) == pytest.approx(getattr(b, field), rel=rel, abs=1e-9), field


def test_every_moment_is_numpys() -> None:
    data = columns(200)
    summary = summary_from_values(**data)
    matrix = np.cov(np.vstack(list(data.values())))
    names = {"y": 0, "d": 1, "x": 2, "e": 3}
    for (a, b), field in PRODUCTS.items():
        assert getattr(summary, field) == pytest.approx(matrix[names[a], names[b]], rel=1e-12)


def test_merging_parts_gives_the_whole() -> None:
    data = columns(300)
    parts = [
        summary_from_values(**{name: column[rows] for name, column in data.items()})
        for rows in (slice(0, 7), slice(7, 7), slice(7, 120), slice(120, 300))
    ]
    same(pooled(parts), summary_from_values(**data))


def test_removing_a_part_undoes_merging_it() -> None:
    first, second = (summary_from_values(**columns(n, seed=n)) for n in (50, 80))
    same(removed(merged(first, second), second), first)


@given(values, values)
def test_summaries_add(first: list[float], second: list[float]) -> None:
    together = merged(summary_from_values(first), summary_from_values(second))
    whole = summary_from_values(first + second)
    assert together.n == whole.n
    assert together.mean == pytest.approx(whole.mean, rel=1e-9, abs=1e-6)
    assert together.variance == pytest.approx(whole.variance, rel=1e-6, abs=1e-3)


@given(values, values)
def test_merging_does_not_depend_on_the_order(first: list[float], second: list[float]) -> None:
    a, b = summary_from_values(first), summary_from_values(second)
    forth, back = merged(a, b), merged(b, a)
    assert forth.mean == pytest.approx(back.mean, rel=1e-9, abs=1e-6)
    assert forth.variance == pytest.approx(back.variance, rel=1e-9, abs=1e-3)


def test_epoch_sized_values_keep_their_digits() -> None:
    """A spread of 5 s on a Unix time in ms: raw sums of squares would lose every digit."""
    times = 1.75e12 + np.random.default_rng(1).normal(0, 5e3, 1000)
    parts = [summary_from_values(times[:400]), summary_from_values(times[400:])]
    assert pooled(parts).variance == pytest.approx(np.var(times - 1.75e12, ddof=1), rel=1e-6)


def test_raw_sums_never_give_a_negative_variance() -> None:
    summary = summary_from_sums(3, 3 * 1e9, 3 * 1e18 - 1000)
    assert summary.variance == 0.0


def test_counts_near_two_to_the_53rd() -> None:
    half = proportion_summary(2.0**52, 2.0**51)
    whole = merged(half, half)
    assert whole.n == 2.0**53
    assert whole.variance == pytest.approx(0.25, rel=1e-12)


def test_arrays_are_merged_elementwise() -> None:
    many = proportion_summary(np.array([10.0, 0.0]), np.array([4.0, 0.0]))
    twice = merged(many, many)
    assert twice.n.tolist() == [20.0, 0.0]
    assert twice.mean.tolist() == [0.4, 0.0]


@pytest.mark.parametrize("bad", [[1.0, float("nan")], [float("inf")]])
def test_values_that_are_no_numbers_are_refused(bad: list[float]) -> None:
    with pytest.raises(InvalidInputError, match="NaN or infinite"):
        summary_from_values(bad)


def test_columns_of_unlike_length_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="one value a unit"):
        summary_from_values([1.0, 2.0], covariate=[1.0])


def test_more_successes_than_units_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="not a proportion"):
        proportion_summary(10, 11)


def test_a_part_larger_than_the_whole_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="cannot be taken"):
        removed(proportion_summary(10, 1), proportion_summary(11, 1))


def test_no_units_is_an_empty_summary() -> None:
    assert summary_from_values([]) == MetricSummary(n=0.0, mean=0.0, variance=0.0)
