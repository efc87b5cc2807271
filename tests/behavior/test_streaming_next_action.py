from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neonblue.behavior.model_files import ModelFiles, StoredModel
from neonblue.behavior.next_action import NextActionModel
from neonblue.behavior.next_action_training import train_next_action
from neonblue.behavior.sequences import Sequences, from_lists
from neonblue.behavior.streaming_next_action import (
    NONE,
    STEPS,
    codes_of_recent,
    recent_steps,
    streaming_next_action,
)

from .conftest import silent


def as_stored(arrays: dict[str, Any], names: tuple[str, ...]) -> StoredModel:
    return StoredModel(
        kind="next_action", version=1, arrays=arrays, description={"names": list(names)}
    )


@pytest.fixture
def stored(cycle_model: NextActionModel) -> StoredModel:
    return as_stored(cycle_model.arrays(), cycle_model.names)


def blank(rows: int) -> np.ndarray:
    return np.full((rows, STEPS), NONE)


def test_a_cycle_is_answered_from_the_last_steps(stored: StoredModel) -> None:
    quick = streaming_next_action(stored)
    recent = np.array([[2, 1, 0, 0, 0], [4, 3, 2, 1, 0], [1, 1, 4, 3, 3]])
    answers = quick.after(recent)
    assert [quick.names[one] for one in answers.actions] == ["c", "a", "b"]
    assert answers.probabilities == pytest.approx(0.7, abs=0.15)


def test_an_unseen_context_falls_back_to_a_shorter_one(stored: StoredModel) -> None:
    quick = streaming_next_action(stored)
    unseen = quick.after(np.array([[2, 4, 2, 4, 2], [2, 0, 1, 3, 0], [0, 0, 0, 0, 0]]))
    known = quick.after(np.array([[2, 1, 0, 0, 0]]))
    assert unseen.actions[:2].tolist() == [known.actions[0]] * 2
    assert np.isfinite(unseen.probabilities).all()


def test_probabilities_are_those_that_come_true_for_users_never_counted(
    cycling: Sequences,
) -> None:
    half = np.arange(len(cycling.lengths)) % 2 == 0
    model = train_next_action(cycling.select(half), (), silent)
    others = cycling.select(~half)
    opens = others.positions == 0
    recent = recent_steps(blank(len(others.steps)), opens, others.steps)
    answers = streaming_next_action(as_stored(model.arrays(), ())).after(np.maximum(recent, 0))
    follows = ~np.roll(opens, -1)
    came = np.roll(others.steps, -1)[follows] == answers.actions[follows] + 1
    assert answers.probabilities[follows].mean() == pytest.approx(came.mean(), abs=0.05)


def test_names_the_model_does_not_know_are_unknown_steps(stored: StoredModel) -> None:
    codes = streaming_next_action(stored).codes_of(["d", "never seen", "a"])
    assert codes.tolist() == [4, 0, 1]
    assert codes_of_recent(np.array([[0, 1, NONE]]), codes).tolist() == [[4, 0, 0]]


def test_a_model_file_without_a_calibration_is_read_as_it_is(
    cycle_model: NextActionModel,
) -> None:
    arrays = cycle_model.arrays()
    del arrays["plain_map"]
    quick = streaming_next_action(as_stored(arrays, cycle_model.names))
    assert quick.after(np.array([[1, 0, 0, 0, 0]])).actions.tolist() == [1]


def test_recent_steps_go_on_from_the_batch_before_and_pass_over_what_is_no_step() -> None:
    before = np.array([[7, 6, 5, 4, 3]] * 3 + [[NONE] * STEPS] * 2)
    opens = np.array([True, False, False, True, False])
    recent = recent_steps(before, opens, np.array([8, NONE, 9, NONE, 1]))
    assert recent.tolist() == [
        [8, 7, 6, 5, 4],
        [8, 7, 6, 5, 4],
        [9, 8, 7, 6, 5],
        [NONE] * STEPS,
        [1] + [NONE] * (STEPS - 1),
    ]


@pytest.mark.parametrize("batch", [1, 2, 3, 7])
def test_recent_steps_do_not_depend_on_where_batches_end(batch: int) -> None:
    steps = np.array([1, 2, NONE, 3, 4, 5, NONE, 6, 7, 8, 9, NONE])
    whole = recent_steps(blank(len(steps)), np.arange(len(steps)) == 0, steps)
    state, parts = np.full(STEPS, NONE), []
    for first in range(0, len(steps), batch):
        part = steps[first : first + batch]
        parts.append(recent_steps(np.tile(state, (len(part), 1)), np.arange(len(part)) == 0, part))
        state = parts[-1][-1]
    assert np.array_equal(np.concatenate(parts), whole)


def test_an_empty_batch_is_an_empty_answer(stored: StoredModel) -> None:
    nothing = np.zeros(0, dtype=np.int64)
    recent = recent_steps(blank(0), nothing.astype(bool), nothing)
    assert streaming_next_action(stored).after(recent).actions.tolist() == []


def test_a_model_file_carries_the_quick_form(tmp_path: Path, cycle_model: NextActionModel) -> None:
    files = ModelFiles(tmp_path)
    files.publish("next_action", cycle_model.arrays(), {"names": cycle_model.names})
    stored = files.current("next_action")
    assert stored is not None
    asked = np.array([[3, 2, 1, 0, 0]])
    assert streaming_next_action(stored).after(asked).actions.tolist() == [3]
    last = cycle_model.next_probabilities(from_lists([[1, 2, 3]]))[0]
    assert last.argmax() == 3
