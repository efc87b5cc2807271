"""The text model is trained by itself as experiments finish, and only a better one is used."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from neonblue.intelligence.recollection.learning import learn
from neonblue.intelligence.text_model import retraining
from neonblue.intelligence.text_model.arms import Arm, Pair, read_pairs, write_pairs
from neonblue.intelligence.text_model.model import current_version, load_model
from neonblue.intelligence.text_model.retraining import Retrainer, RetrainingPlan
from neonblue.intelligence.text_model.training import LOCK_FILE, is_training
from neonblue.intelligence.text_model.training_record import last_training
from neonblue.stores import Store, open_store
from neonblue.tools.forecast import forecast_calibration
from neonblue.workspace import Workspace

from .worlds import finish

SUBJECTS = ("cats", "bikes", "rain", "schools", "bread", "trains", "music", "forests")
# Stands for a training that goes on until it is ended.
ENDLESS = (sys.executable, "-c", "import sys; sys.stdin.read()")


def finish_headlines(store: Store, count: int, *, first: int = 0, question: float = 0.2) -> None:
    """Finished experiments in which a question is tested against a statement."""
    numbers = random.Random(first)
    for row in range(first, first + count):
        subject = numbers.choice(SUBJECTS)
        finish(
            store,
            f"headline{row:03}",
            control=0.1,
            treatment=question,
            n=2000,
            change=f"Why do {subject} matter so in case {row}?",
        )


@pytest.fixture
def plan(tmp_path: Path) -> RetrainingPlan:
    return RetrainingPlan(
        after=10,
        command=(sys.executable, "-m", "neonblue.jobs.retrain"),
        environment={**os.environ, "NEONBLUE_DATA_DIR": str(tmp_path)},
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models" / "text"


def test_enough_finished_experiments_make_a_model_and_only_a_better_one_follows(
    store: Store, folder: Path, plan: RetrainingPlan
) -> None:
    retrainer = Retrainer(store, folder, plan)
    assert retrainer.round() == "not_due"
    finish_headlines(store, 60)
    assert retrainer.round() == "kept"
    model = load_model(folder)
    assert model.card["source"] == "finished experiments"
    assert model.card["pairs"] == 60
    assert not list(folder.glob("training-*"))
    finish_headlines(store, 9, first=60, question=0.05)
    assert retrainer.round() == "not_due"
    finish_headlines(store, 1, first=69, question=0.05)
    assert retrainer.round() == "rejected"
    assert current_version(folder) == model.version
    assert "stays" in last_training(folder).detail


def test_too_few_pairs_are_said_once_and_looked_at_again_later(
    store: Store, folder: Path, plan: RetrainingPlan
) -> None:
    finish_headlines(store, 12)
    retrainer = Retrainer(store, folder, plan)
    assert retrainer.round() == "too_few"
    assert retrainer.round() == "not_due"
    assert "12 pairs" in last_training(folder).detail


def test_it_can_be_switched_off(store: Store, folder: Path, plan: RetrainingPlan) -> None:
    finish_headlines(store, 60)
    assert Retrainer(store, folder, replace(plan, after=0)).round() == "off"
    assert current_version(folder) is None


def test_a_failed_training_is_recorded_and_changes_nothing(
    store: Store, folder: Path, plan: RetrainingPlan
) -> None:
    finish_headlines(store, 60)
    broken = replace(plan, command=(sys.executable, "-c", "raise SystemExit('no disk')"))
    assert Retrainer(store, folder, broken).round() == "failed"
    assert "no disk" in last_training(folder).detail
    assert current_version(folder) is None


def test_one_training_at_a_time(store: Store, folder: Path, plan: RetrainingPlan) -> None:
    finish_headlines(store, 60)
    folder.mkdir(parents=True)
    with FileLock(folder / LOCK_FILE):  # as another training holds it
        assert is_training(folder)
        assert Retrainer(store, folder, plan).round() == "busy"
    assert last_training(folder).considered == frozenset()
    assert not is_training(folder)


def test_closing_ends_a_training_and_the_next_one_begins_again(
    store: Store,
    folder: Path,
    plan: RetrainingPlan,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retraining, "FIRST_AFTER_SECONDS", 0.0)
    finish_headlines(store, 60)
    retrainer = Retrainer(store, folder, replace(plan, command=ENDLESS)).start()
    eventually(lambda: bool(list(folder.glob("training-*/finished experiments"))))
    began = time.monotonic()
    retrainer.close()
    assert time.monotonic() - began < 5
    assert last_training(folder).considered == frozenset()
    assert not list(folder.glob("training-*"))


def test_a_training_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs"
    write_pairs(pairs, [Pair(a=_arm(f"a{n}", n), b=_arm(f"b{n}", n)) for n in range(4000)])
    child = subprocess.Popen(
        [sys.executable, "-m", "neonblue.jobs.retrain", str(pairs)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "NEONBLUE_DATA_DIR": str(tmp_path)},
    )
    assert child.stdin is not None
    child.stdin.close()
    assert child.wait(60) == 1
    assert current_version(tmp_path / "models" / "text") is None


# A process that serves nothing but holds the data and trains at once, as an owner does later.
OWNER = """
import sys, time
from neonblue.intelligence.text_model import retraining
from neonblue.owner.shutdown import unwinding_on_sigterm
from neonblue.workspace import open_workspace
retraining.FIRST_AFTER_SECONDS = 0.0
with unwinding_on_sigterm(), open_workspace() as workspace:
    workspace.learner
    print("open", flush=True)
    time.sleep(600)
"""


def test_sigterm_ends_owner_and_training_and_leaves_nothing_half_done(data_dir: Path) -> None:
    filled = open_store(f"chdb://{data_dir / 'clickhouse'}")
    finish_headlines(filled, 60)
    filled.close()
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER],
        stdout=subprocess.PIPE,
        env={**os.environ, "NEONBLUE_DATA_DIR": str(data_dir)},
    )
    models = data_dir / "models" / "text"
    eventually(lambda: is_training(models))
    owner.send_signal(signal.SIGTERM)
    # On a machine that is busy with other things, the last exit may have to help.
    assert owner.wait(15) in (128 + signal.SIGTERM, 0)
    eventually(lambda: not is_training(models))
    assert current_version(models) is None
    assert last_training(models).considered == frozenset()


def test_tools_answer_while_a_training_runs(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retraining, "FIRST_AFTER_SECONDS", 0.0)
    finish_headlines(workspace.store, 60)
    # Learning from sixty experiments may take longer than the training does.
    learn(workspace.store, workspace.memory)
    workspace.learner.catch_up(at_once=True)
    eventually(lambda: is_training(workspace.text_models))
    answer = forecast_calibration(workspace=workspace).structured_content
    assert answer is not None
    assert answer["text_model"]["training_now"]
    eventually(lambda: last_training(workspace.text_models).outcome == "kept")
    answer = forecast_calibration(workspace=workspace).structured_content
    assert answer["text_model"]["version"] == current_version(workspace.text_models)
    assert answer["text_model"]["waiting"] == 0


def test_pairs_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    pairs = [
        Pair(a=_arm('say "hi", 日本\nline', 202_553), b=_arm("b;", 202_553)),
        Pair(a=_arm("c", 0), b=_arm("d", 0)),
    ]
    write_pairs(tmp_path / "pairs", pairs)
    assert read_pairs(tmp_path / "pairs") == pairs


def eventually(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for a condition, failing after some seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def _arm(text: str, week: int) -> Arm:
    return Arm(test=f"t{week}", setting="", week=week, text=text, successes=3, shown=100)
