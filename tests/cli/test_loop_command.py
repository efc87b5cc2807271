"""``neonblue loop --interval`` holds the data while it works, and others work through it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

GOAL = 'goal = "more people buy"\nsuccess_event = "purchase"\nideas = ["show the price"]\n'


@pytest.mark.timeout(240)
def test_it_proposes_while_others_read_and_leaves_when_asked(
    data_dir: Path, tmp_path: Path
) -> None:
    path = tmp_path / "goal.toml"
    path.write_text(GOAL)
    environment = {**os.environ, "NEONBLUE_DATA_DIR": str(data_dir)}
    command = [sys.executable, "-m", "neonblue"]
    loop = subprocess.Popen(
        [*command, "loop", "--goal-file", str(path), "--interval", "1"],
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    )
    assert loop.stdout is not None
    (first,) = json.loads(loop.stdout.readline())
    assert [step["act"] for step in first["steps"]] == ["propose"]
    read = subprocess.run(
        [*command, "changes"], env=environment, capture_output=True, text=True, check=True
    )
    (change,) = map(json.loads, read.stdout.splitlines())
    assert change["experiment"]["name"] == "show the price"
    assert json.loads(loop.stdout.readline())
    loop.send_signal(signal.SIGTERM)
    assert loop.wait(60) == 0


def test_a_goal_file_that_is_not_there_is_one_line(data_dir: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "neonblue", "loop", "--goal-file", str(tmp_path / "none.toml")],
        env={**os.environ, "NEONBLUE_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "cannot be read" in done.stderr
    assert len(done.stderr.splitlines()) == 1
