import json
from pathlib import Path

import numpy as np
import pytest

from neonblue.behavior.history import history_features
from neonblue.behavior.model_files import ModelFiles
from neonblue.behavior.next_action import NextActionModel, model_from_arrays, rankings
from neonblue.behavior.next_action_training import score_next_action, train_next_action
from neonblue.behavior.sequence_files import predict_file, train_on_file
from neonblue.behavior.sequences import Sequences, from_lists, read_sequences
from neonblue.errors import InvalidInputError, NotFoundError

from .conftest import silent


def write(path: Path, sequences: Sequences) -> Path:
    parts = np.split(sequences.steps, np.cumsum(sequences.lengths)[:-1])
    path.write_text("\n".join(" ".join(map(str, part)) for part in parts) + "\n")
    return path


def test_learns_a_cycle(cycling: Sequences, cycle_model: NextActionModel) -> None:
    score = score_next_action(cycle_model, cycling)
    assert score.change_accuracy_at_1 > 0.99
    assert score.accuracy_at_1 > 0.65
    assert score.calibration_error < 0.05


def test_probabilities_sum_to_one_and_do_not_depend_on_the_batch(
    cycle_model: NextActionModel,
) -> None:
    together = cycle_model.probabilities(from_lists([[1, 2, 3], [4], [2, 2]]))
    alone = cycle_model.probabilities(from_lists([[2, 2]]))
    assert together.sum(axis=1) == pytest.approx(1, abs=1e-3)
    assert together[-2:] == pytest.approx(alone, abs=1e-5)


def test_what_comes_next_is_what_a_further_step_would_have_been_given(
    cycle_model: NextActionModel,
) -> None:
    after = cycle_model.next_probabilities(from_lists([[1, 2], [3], []]))
    within = cycle_model.probabilities(from_lists([[1, 2, 4], [3, 4], [4]]))
    assert after == pytest.approx(within[[2, 4, 5]], abs=1e-5)


def test_an_unknown_category_and_a_session_of_100_000_steps_are_answered(
    cycle_model: NextActionModel,
) -> None:
    steps = [1, 2, 3, 4] * 25_000
    probabilities = cycle_model.probabilities(from_lists([[99, 1], steps]))
    assert np.isfinite(probabilities).all()
    assert (rankings(probabilities[3:], 1)[:, 0] == np.array(steps[1:])).mean() > 0.5


def test_the_future_never_changes_a_prediction() -> None:
    short = history_features(from_lists([[1, 1, 2, 3, 1]]), 3)
    long = history_features(from_lists([[1, 1, 2, 3, 1, 2, 2, 1]]), 3)
    assert np.array_equal(short.codes, long.codes[:5])
    assert np.array_equal(short.levels, long.levels[:5])


def test_arrays_carry_the_whole_model(cycle_model: NextActionModel) -> None:
    again = model_from_arrays(cycle_model.arrays(), cycle_model.names)
    some = from_lists([[1, 2, 3], [2, 2]])
    assert np.array_equal(cycle_model.probabilities(some), again.probabilities(some))
    assert again.plain_map == cycle_model.plain_map


def test_too_little_to_learn_from_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="200 are needed"):
        train_next_action(from_lists([[1, 2]] * 50), (), silent)


def test_trains_on_a_file_and_writes_a_ranking_for_each_later_position(
    tmp_path: Path, cycling: Sequences
) -> None:
    files = ModelFiles(tmp_path / "models")
    train_on_file(write(tmp_path / "train.seq", cycling), files, silent)
    asked = tmp_path / "asked.seq"
    asked.write_text("1 2 3\n4\n\n3 4\n")
    result = predict_file(asked, tmp_path / "out.jsonl", files)
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [len(line) for line in lines] == [2, 0, 0, 1]
    assert all(sorted(ranking) == [1, 2, 3, 4] for line in lines for ranking in line)
    assert lines[0][0][0] == 2
    assert result["predictions"] == 3


def test_a_model_that_is_no_better_is_not_kept(tmp_path: Path, cycling: Sequences) -> None:
    files = ModelFiles(tmp_path / "models")
    path = write(tmp_path / "train.seq", cycling)
    first = train_on_file(path, files, silent)
    second = train_on_file(path, files, silent)
    assert (first.kept, second.kept) == (True, False)
    assert files.versions("sequences") == [1]


def test_predicting_before_training_names_the_command(tmp_path: Path) -> None:
    asked = tmp_path / "asked.seq"
    asked.write_text("1 2\n")
    with pytest.raises(NotFoundError, match="neonblue behavior train"):
        predict_file(asked, tmp_path / "out.jsonl", ModelFiles(tmp_path))


def test_next_pages_of_real_users_beat_a_plain_back_off(shared_data: Path) -> None:
    """msnbc, a fifth of the users; benchmarks.next_page measures all of them."""
    every = read_sequences(shared_data / "data" / "msnbc" / "train.seq.gz").sequences
    number = np.arange(len(every.lengths))
    model = train_next_action(every.select(number % 5 == 0), (), silent)
    asked = (number % 25 == 1) & (every.lengths >= 2) & (every.lengths <= 500)
    score = score_next_action(model, every.select(asked))
    assert score.accuracy_at_1 > 0.67
    assert score.change_accuracy_at_1 > 0.41
    assert score.change_accuracy_at_3 > 0.63
    assert score.calibration_error < 0.02
