"""Studies: ask and tell, kept through crashes; the next generation from what did well."""

from typing import Any

import numpy as np
import pytest

from neonblue.errors import ConflictError, InvalidInputError, NotFoundError
from neonblue.optimization.tuning import evolve, read_study, tune
from neonblue.stats.response_surface import best_setting, fit_surface
from neonblue.stores import Store

SPACE = {"price": [5.0, 20.0], "rows": [1.0, 9.0, 1.0], "delay": [0.0, 1.0]}


def outcome(settings: dict[str, float], sign: float = 1.0) -> float:
    """Best at price 12, 4 rows and a delay of .3."""
    price, rows = (settings["price"] - 12) / 15, (settings["rows"] - 4) / 8
    away = price**2 + rows**2 + (settings["delay"] - 0.3) ** 2
    return sign * (0.15 - 0.15 * away)


def play(store: Store, trials: int, *, sign: float = 1.0, study: str = "s") -> None:
    rng, found = np.random.default_rng(2), tune(store, study, space=SPACE, lower_is_better=sign < 0)
    for _ in range(trials):
        assert found.waiting is not None
        trial, settings = found.waiting
        mean = outcome(settings, sign) + rng.normal(0, 0.005)
        found = tune(store, study, results={str(trial): [mean, 0.005]})


@pytest.mark.parametrize("sign", [1.0, -1.0], ids=["higher is better", "lower is better"])
def test_a_study_comes_near_the_best_setting(store: Store, sign: float) -> None:
    play(store, 25, sign=sign)
    study = read_study(store, "s")
    assert study.best is not None
    assert sign * outcome(study.best.settings, sign) > 0.14
    assert abs(study.best.mean) == pytest.approx(0.15, abs=0.02)
    assert study.best.settings["rows"] in range(1, 10)
    for one in study.evaluations:
        assert 5 <= one.settings["price"] <= 20
        assert one.settings["rows"] == int(one.settings["rows"])


def test_what_was_asked_is_asked_again_until_it_is_told(store: Store) -> None:
    first = tune(store, "s", space=SPACE)
    assert first.waiting == (1, {"price": 12.5, "rows": 5.0, "delay": 0.5})
    assert tune(store, "s").waiting == first.waiting
    second = tune(store, "s", results={"1": [0.1, 0.01]})
    again = tune(store, "s", results={"1": [0.1, 0.01]})
    assert (second.waiting, len(again.evaluations)) == (again.waiting, 1)
    with pytest.raises(ConflictError, match="stays so"):
        tune(store, "s", results={"1": [0.2, 0.01]})
    with pytest.raises(ConflictError, match="another space"):
        tune(store, "s", space={"price": [1.0, 2.0]})


BAD: tuple[tuple[dict[str, Any], str], ...] = (
    ({"space": {}}, "a space of 0 parameters"),
    ({"space": {"a": [2.0, 1.0]}}, "give .low, high. with low < high"),
    ({"space": {"a": [1.0]}}, "goes from"),
    ({"space": {"a": [0.0, float("nan")]}}, "goes from"),
    ({"space": {"a": [0.0, 1e300]}}, "goes from"),
    ({"space": {"a": [0.0, 1.0, 5.0]}}, "the step 5.0"),
    ({"space": SPACE, "results": {"7": [0.1, 0.1]}}, "has asked for no trial '7'"),
    ({"space": SPACE, "results": {"x": [0.1, 0.1]}}, "has asked for no trial 'x'"),
)


@pytest.mark.parametrize(("given", "said"), BAD)
def test_what_cannot_be_is_refused_and_nothing_is_recorded(
    store: Store, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidInputError, match=said):
        tune(store, "s", **given)
    assert store.tuning.of("s") == {}


@pytest.mark.parametrize("result", [[0.1], [0.1, 0.0], [0.1, -1.0], [float("inf"), 0.1]])
def test_a_result_needs_a_mean_and_its_error(store: Store, result: list[float]) -> None:
    tune(store, "s", space=SPACE)
    with pytest.raises(InvalidInputError, match="give its mean and its standard error"):
        tune(store, "s", results={"1": result})


def test_a_study_that_nobody_declared(store: Store) -> None:
    with pytest.raises(NotFoundError, match="declare it with space"):
        tune(store, "nobody")
    with pytest.raises(NotFoundError):
        evolve(store, "nobody")


def test_the_next_generation_is_new_and_does_well(store: Store) -> None:
    tune(store, "s", space=SPACE)
    with pytest.raises(ConflictError, match="two parents are needed"):
        evolve(store, "s")
    play(store, 15)
    study = read_study(store, "s")
    children = evolve(store, "s", count=3)
    assert len(children) == 3
    chances = [one.chance_to_win for one in children]
    assert chances == sorted(chances, reverse=True)
    tried = [one.settings for one in study.evaluations]
    mean = np.mean([outcome(one) for one in tried])
    for child in children:
        assert child.settings not in tried
        assert outcome(child.settings) > mean
        assert set(child.parents) <= {one.trial for one in study.evaluations}
    assert evolve(store, "s", count=3) == children
    with pytest.raises(InvalidInputError, match="count 0 cannot be"):
        evolve(store, "s", count=0)


def test_equal_results_and_one_point_are_no_trouble() -> None:
    points = np.array([[0.2, 0.4], [0.2, 0.4], [0.9, 0.1]])
    surface = fit_surface(points, np.full(3, 0.5), np.full(3, 0.1))
    setting, mean, sd = best_setting(surface, np.full(3, 0.5), np.random.default_rng(1))
    assert mean == pytest.approx(0.5)
    assert np.isfinite([*setting, sd]).all()
