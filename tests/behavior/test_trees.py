"""Trees as arrays answer as scikit-learn does, whose private nodes they are read from."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from neonblue.behavior.trees import SETTINGS, grow_trees, trees_from_arrays

SMALL = {**SETTINGS, "max_iter": 140, "max_leaf_nodes": 8}


@pytest.fixture(scope="module")
def world() -> tuple[np.ndarray, np.ndarray]:
    """2,000 rows of five features, one in ten values missing, and what happened."""
    random = np.random.default_rng(11)
    rows = random.normal(size=(2000, 5))
    chance = 1 / (1 + np.exp(-(rows[:, 0] * rows[:, 1] + 0.5 * rows[:, 2])))
    happened = random.random(2000) < chance
    rows[random.random(rows.shape) < 0.1] = np.nan
    return rows, happened


@pytest.mark.parametrize("members", [1, 3])
def test_probabilities_are_those_of_scikit_learn(
    world: tuple[np.ndarray, np.ndarray], members: int
) -> None:
    rows, happened = world
    ours = grow_trees(rows, happened, seed=5, members=members).probability(rows)
    theirs = [
        HistGradientBoostingClassifier(random_state=5 + number, **SMALL)
        .fit(rows, happened)
        .predict_proba(rows)[:, 1]
        for number in range(members)
    ]
    assert ours == pytest.approx(np.mean(theirs, axis=0), abs=1e-12)
    assert ours.std() > 0.1


def test_trees_come_back_from_their_arrays(world: tuple[np.ndarray, np.ndarray]) -> None:
    rows, happened = world
    grown = grow_trees(rows, happened, members=2)
    again = trees_from_arrays(grown.arrays())
    assert np.array_equal(again.probability(rows), grown.probability(rows))
