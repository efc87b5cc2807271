"""Variants that were alike before stay valid however often anybody looks; others are found."""

from __future__ import annotations

import numpy as np
import pytest

from neonblue.models import MetricSummary
from neonblue.stats.imbalance import imbalance_test
from neonblue.stats.moments import summary_from_values

PLANNED = 20_000
LOOKS = np.arange(100, PLANNED // 2 + 1, 100)


def covariate(values: np.ndarray) -> MetricSummary:
    return summary_from_values(values, covariate=values)


def test_the_same_people_differ_in_nothing() -> None:
    y = np.random.default_rng(1).normal(size=500)
    found = imbalance_test(covariate(y), covariate(y), planned_n=PLANNED)
    assert found is not None
    assert found.p_value == pytest.approx(1.0)
    assert found.sequential_p_value == 1.0


def test_other_people_are_found_by_both_tests() -> None:
    y = np.random.default_rng(1).normal(size=500)
    found = imbalance_test(covariate(y), covariate(y + 0.5), planned_n=PLANNED)
    assert found is not None
    assert found.p_value < 1e-9
    assert found.sequential_p_value < 1e-6


def test_without_a_covariate_nothing_is_said() -> None:
    y = np.random.default_rng(1).normal(size=500)
    plain = summary_from_values(y)
    assert imbalance_test(plain, plain, planned_n=PLANNED) is None


def least_p_values(values: np.ndarray) -> tuple[float, float]:
    """The least p of either test over looks at one A/A experiment, shape (2, units a variant)."""
    sums, squares = np.cumsum(values, axis=1), np.cumsum(values**2, axis=1)
    least = [1.0, 1.0]
    for n in LOOKS:
        mean = sums[:, n - 1] / n
        variance = (squares[:, n - 1] - n * mean**2) / (n - 1)
        control, treatment = (
            MetricSummary(n=n, mean=0.0, variance=1.0, covariate_mean=m, covariate_variance=v)
            for m, v in zip(mean, variance, strict=True)
        )
        found = imbalance_test(control, treatment, planned_n=PLANNED)
        assert found is not None
        least = [min(least[0], found.p_value), min(least[1], found.sequential_p_value)]
    return least[0], least[1]


def test_looking_often_makes_no_sound_experiment_invalid() -> None:
    random = np.random.default_rng(3)
    runs = [least_p_values(random.normal(size=(2, LOOKS[-1]))) for _ in range(200)]
    fixed, sequential = (np.array(column) for column in zip(*runs, strict=True))
    assert (fixed < 0.01).mean() > 0.03
    assert (sequential < 0.01).mean() <= 0.01
