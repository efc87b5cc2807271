"""An effect that was there in early batches alone is seen although weights and rates moved."""

import numpy as np
import pytest

from neonblue.stats.adaptive import Batches
from neonblue.stats.effect_change import faded_between_batches

RUNS, SIZE = 300, 4000


def batches(rng: np.random.Generator, lifts: list[float]) -> Batches:
    """Rates rise while the treatment gets more and more units."""
    count = len(lifts)
    share = np.linspace(0.5, 0.9, count)
    base = np.linspace(0.1, 0.2, count)
    chances = np.stack([1 - share, share], axis=1)
    rates = np.stack([base, base * (1 + np.array(lifts))], axis=1)
    n = np.stack([rng.multinomial(SIZE, row) for row in chances]).astype(float)
    mean = rng.binomial(n.astype(int), rates) / n
    return Batches(n=n, mean=mean, variance=mean * (1 - mean), probability=chances)


def share_seen(lifts: list[float], *, good: float = 1.0) -> float:
    rng = np.random.default_rng(4)
    seen = [
        faded_between_batches(
            batches(rng, lifts), (0, 1), good=good, planned_n=40_000.0, alpha=0.05
        )
        for _ in range(RUNS)
    ]
    return sum(found is not None for found in seen) / RUNS


def test_a_constant_relative_effect_is_rarely_called_faded() -> None:
    assert share_seen([0.2] * 10) <= 0.025 + 3 * (0.025 * 0.975 / RUNS) ** 0.5
    assert share_seen([0.0] * 10) <= 0.025 + 3 * (0.025 * 0.975 / RUNS) ** 0.5


def test_an_effect_of_the_first_batches_alone_is_seen() -> None:
    assert share_seen([0.4] * 4 + [0.0] * 6) > 0.95
    assert share_seen([-0.4] * 4 + [0.0] * 6, good=-1.0) > 0.95


def test_an_effect_that_grows_has_not_faded() -> None:
    assert share_seen([0.0] * 4 + [0.4] * 6) == 0.0


def test_one_batch_has_no_early_and_late() -> None:
    one = batches(np.random.default_rng(1), [0.4])
    assert faded_between_batches(one, (0, 1), good=1.0, planned_n=4e4, alpha=0.05) is None


def test_what_is_left_of_it_is_said() -> None:
    found = faded_between_batches(
        batches(np.random.default_rng(2), [0.6] * 4 + [0.15] * 6),
        (0, 1),
        good=1.0,
        planned_n=40_000.0,
        alpha=0.05,
    )
    assert found is not None
    assert found.lasting
    assert found.before.estimate == pytest.approx(0.08, abs=0.03)
