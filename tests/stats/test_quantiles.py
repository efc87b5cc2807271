"""Quantiles: intervals that hold, with and without clusters; fixed horizon only."""

import numpy as np
import pytest

from neonblue.errors import InvalidInputError
from neonblue.stats.quantiles import (
    QuantileSummary,
    compare_quantiles,
    exact_ranks,
    fewest_observations,
    outer_ranks,
    quantile_summary,
)


def covered(draw, quantile: float, truth: float, runs: int = 600) -> float:
    """Share of runs in which the interval of a difference of nothing holds zero."""
    random = np.random.default_rng(12)
    hits = 0
    for _ in range(runs):
        pair = [quantile_summary(**draw(random), quantile=quantile) for _ in range(2)]
        found = compare_quantiles(*pair)
        hits += found.ci_lower <= truth <= found.ci_upper
    return hits / runs


def test_intervals_hold_for_skewed_values() -> None:
    share = covered(lambda r: {"values": r.lognormal(0, 1, 800)}, 0.9, 0.0)
    assert 0.93 <= share <= 0.985


def test_intervals_hold_when_units_have_several_values() -> None:
    def clustered(random: np.random.Generator) -> dict[str, np.ndarray]:
        sizes = random.integers(1, 12, 200)
        clusters = np.repeat(np.arange(200), sizes)
        unit = random.normal(size=200)
        return {"values": unit[clusters] + random.normal(0, 0.3, clusters.size),
                "clusters": clusters}  # fmt: skip

    assert 0.92 <= covered(clustered, 0.75, 0.0) <= 0.985
    ignored = covered(lambda r: {"values": clustered(r)["values"]}, 0.75, 0.0)
    assert ignored < 0.8


def test_ranks_grow_with_confidence_and_stay_inside() -> None:
    assert exact_ranks(1000, 0.9) == (881, 919)
    assert outer_ranks(1000, 0.9) == (881, 920)
    assert exact_ranks(10, 0.99) == (9, 10)
    wide, narrow = exact_ranks(1000, 0.5, alpha=0.01), exact_ranks(1000, 0.5, alpha=0.2)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_a_result_says_that_it_may_be_read_once() -> None:
    random = np.random.default_rng(2)
    a, b = random.normal(size=500), random.normal(1, 1, 500)
    found = compare_quantiles(quantile_summary(a, 0.5), quantile_summary(b, 0.5))
    back = compare_quantiles(quantile_summary(b, 0.5), quantile_summary(a, 0.5))
    assert found.horizon == "fixed"
    assert found.absolute_difference == -back.absolute_difference
    assert found.p_value < 1e-6


def test_too_few_values_for_a_far_quantile() -> None:
    few = quantile_summary(np.arange(100.0), 0.99)
    found = compare_quantiles(few, few)
    assert fewest_observations(0.99) > 380
    assert found.status == "insufficient_data"
    assert found.reasons == ("too_few_units",)


def test_values_that_are_all_the_same() -> None:
    same = quantile_summary(np.ones(500), 0.5)
    assert compare_quantiles(same, same).reasons == ("zero_variance",)


def test_an_interval_read_from_a_sample_is_scaled() -> None:
    """The order statistics were taken of a tenth of the values: the variance is a tenth too."""
    numbers = {"quantile": 0.5, "estimate": 1.0, "lower": 0.9, "upper": 1.1}
    all_read = QuantileSummary(n=1e4, **numbers)
    tenth = QuantileSummary(n=1e4, n_read=1e3, **numbers)
    assert tenth.error_variance == pytest.approx(all_read.error_variance / 10)


@pytest.mark.parametrize(
    ("values", "quantile", "clusters"),
    [
        ([], 0.5, None),
        ([1.0, float("nan")], 0.5, None),
        ([1.0], 1.0, None),
        ([1.0, 2.0], 0.5, [1]),
        ([1.0, 2.0], 0.5, [1, 1]),
    ],
)
def test_what_has_no_quantile_is_refused(values, quantile, clusters) -> None:
    with pytest.raises(InvalidInputError):
        quantile_summary(values, quantile, clusters=clusters)
