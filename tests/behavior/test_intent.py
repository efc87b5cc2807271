import numpy as np
import pytest

from neonblue.behavior.calibration import fit_logistic_map
from neonblue.behavior.intent import intent_from_arrays, score_intent, train_intent
from neonblue.behavior.trees import grow_trees
from neonblue.errors import InvalidInputError


def made_up(n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    rows = random.normal(size=(n, 3))
    chance = 1 / (1 + np.exp(2 - 2 * rows[:, 0] + rows[:, 1] ** 2))
    rows[random.random(n) < 0.05, 2] = np.nan
    return rows, random.random(n) < chance


def test_arrays_answer_as_scikit_learn_does() -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    from neonblue.behavior import trees

    rows, happened = made_up(6000)
    grown = grow_trees(rows, happened, seed=5)
    members = [
        HistGradientBoostingClassifier(random_state=5 + number, **trees.SETTINGS)
        .fit(rows, happened)
        .predict_proba(rows)[:, 1]
        for number in range(trees.MEMBERS)
    ]
    assert grown.probability(rows) == pytest.approx(np.mean(members, axis=0), abs=1e-9)


def test_is_calibrated_on_unseen_rows_and_survives_its_file() -> None:
    model = train_intent(*made_up(6000))
    rows, happened = made_up(6000, seed=2)
    probability = model.probability(rows)
    assert score_intent(probability, happened).calibration_error < 0.03
    assert np.array_equal(intent_from_arrays(model.arrays()).probability(rows), probability)


def test_too_few_conversions_are_refused() -> None:
    rows, _ = made_up(1000)
    with pytest.raises(InvalidInputError, match="50 are needed"):
        train_intent(rows, np.arange(1000) < 10)


@pytest.mark.parametrize("rows", [50, 500])
def test_a_map_far_from_the_first_guess_is_found(rows: int) -> None:
    """Newton's method alone overshoots from there and never comes back."""
    random = np.random.default_rng(rows)
    score = 1 / (1 + np.exp(-random.uniform(0, 7, rows)))
    happened = random.random(rows) < 0.66
    found = fit_logistic_map(score, happened)
    assert found.apply(score).mean() == pytest.approx(happened.mean(), abs=0.01)
    assert abs(found.slope) < 1
