"""Likeness of changes: found where it is, not where it is not, and worth what it should be."""

import numpy as np
import pytest

from neonblue.intelligence.forecast.implied import implied_outcomes, outcome_ratios
from neonblue.intelligence.forecast.likeness import (
    NOTHING_ALIKE,
    POWERS,
    Changes,
    Effects,
    Likeness,
    alike,
    between,
    expected_effect,
    learn_likeness,
)

SPREAD, ERROR = 0.04, 0.02


def world(*, shuffled: bool, count: int = 120) -> tuple[Changes, Effects]:
    """Twelve directions in space, each with its own effect; every experiment lies near one."""
    numbers = np.random.default_rng(3)
    centres = np.linalg.qr(numbers.normal(size=(24, 24)))[0][:12]
    effects = numbers.normal(scale=SPREAD, size=12)
    which = numbers.integers(12, size=count)
    vectors = centres[which] + 0.08 * numbers.normal(size=(count, 24))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    seen = effects[which] + numbers.normal(scale=ERROR, size=count)
    if shuffled:
        numbers.shuffle(seen)
    changes = Changes(vectors=vectors.astype(np.float32), kinds=("any",) * count)
    return changes, Effects(seen=seen, errors=np.full(count, ERROR), mean=0.0, spread=SPREAD)


def test_like_changes_are_found_alike_and_sharpen_the_forecast() -> None:
    changes, effects = world(shuffled=False)
    likeness = learn_likeness(changes, effects)
    assert likeness.share >= 0.8
    new = Changes(vectors=changes.vectors[:1], kinds=changes.kinds[:1])
    _, sd = expected_effect(likeness, changes, effects, new)
    assert sd < SPREAD / 2


def test_where_texts_tell_nothing_nothing_is_alike() -> None:
    changes, effects = world(shuffled=True)
    assert learn_likeness(changes, effects) == NOTHING_ALIKE
    new = Changes(vectors=changes.vectors[:1], kinds=changes.kinds[:1])
    assert expected_effect(NOTHING_ALIKE, changes, effects, new) == (0.0, SPREAD)


def test_many_nearly_equal_changes_are_a_covariance_still() -> None:
    """With cosines of .9 and more, falling with their squared distance would be none."""
    numbers = np.random.default_rng(5)
    vectors = numbers.normal(size=8) + 0.2 * numbers.normal(size=(300, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    changes = Changes(vectors=vectors.astype(np.float32), kinds=("price", "form", "menu") * 100)
    nearness = between(changes, changes)
    for power in POWERS:
        likeness = Likeness(power=power, share=0.95, kind_share=0.3)
        assert np.linalg.eigvalsh(alike(likeness, nearness)).min() > -1e-4
    seen = numbers.normal(scale=SPREAD, size=300)
    effects = Effects(seen=seen, errors=np.full(300, ERROR), mean=0.0, spread=SPREAD)
    new = Changes(vectors=changes.vectors[:1], kinds=changes.kinds[:1])
    _, sd = expected_effect(learn_likeness(changes, effects), changes, effects, new)
    assert 0 < sd <= SPREAD


def test_few_experiments_leave_the_usual_likeness() -> None:
    assert learn_likeness(*world(shuffled=False, count=10)) == Likeness()


def test_one_exact_copy_gives_the_textbook_posterior() -> None:
    """Normal mean with a normal prior: precision weights of the shared part."""
    one = Changes(vectors=np.eye(1, 4, dtype=np.float32), kinds=("copy",))
    seen = Effects(seen=np.array([0.1]), errors=np.array([ERROR]), mean=0.0, spread=SPREAD)
    mean, sd = expected_effect(Likeness(share=0.5), one, seen, one)
    shared, total = 0.5 * SPREAD**2, SPREAD**2 + ERROR**2
    assert mean == pytest.approx(0.1 * shared / total)
    assert sd**2 == pytest.approx(SPREAD**2 - shared**2 / total)


def test_outcomes_that_come_less_often_than_implied_are_scaled_down() -> None:
    errors = [ERROR] * 200
    implied = implied_outcomes(0.0, SPREAD, ERROR, 0.05)
    as_implied = {outcome: round(200 * share) for outcome, share in implied.items()}
    usual = outcome_ratios(as_implied, 0.0, SPREAD, errors)
    assert all(ratio == pytest.approx(1, abs=0.02) for ratio in usual.values())
    never = outcome_ratios({"success": 0, "failure": 60, "neutral": 140}, 0.0, SPREAD, errors)
    assert never["success"] < 0.3 < 0.9 < never["failure"]
