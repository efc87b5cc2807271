"""neonblue changes shows the history as lines of JSON, and follows it without Kafka."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import pytest

from neonblue.cli import main

PLAN = """
id = "checkout"
control = "long"
status = "draft"
[variants]
long = 50
short = 50
[metrics]
bought = "purchase"
"""


def run(*words: str) -> int:
    return main(list(words))


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    return path


def test_every_step_is_a_line_and_from_leaves_out_the_earlier_ones(
    data_dir: Path, plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("define", str(plan)) == 0
    plan.write_text(PLAN.replace("draft", "running"))
    assert run("define", str(plan)) == 0
    capsys.readouterr()
    assert run("changes") == 0
    found = lines(capsys.readouterr().out)
    assert [(each["sequence"], each["action"], each["status"]) for each in found] == [
        (1, "define", "draft"),
        (2, "status", "running"),
    ]
    assert run("changes", "--experiment", "checkout", "--from", "2") == 0
    (second,) = lines(capsys.readouterr().out)
    assert (second["idempotency_key"], second["plan_changed"]) == ("checkout:2", False)
    assert run("changes", "--experiment", "nothing") == 2


def test_follow_prints_each_change_as_it_comes(data_dir: Path, plan: Path) -> None:
    """The follower holds the data; the definition goes through it."""
    environment = {**os.environ, "NEONBLUE_DATA_DIR": str(data_dir)}
    follower = subprocess.Popen(
        [sys.executable, "-m", "neonblue", "changes", "--follow"],
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    )
    told: Queue[dict[str, Any]] = Queue()

    def read() -> None:
        assert follower.stdout is not None
        for line in follower.stdout:
            told.put(json.loads(line))

    Thread(target=read, daemon=True).start()
    try:
        time.sleep(1)
        define = [sys.executable, "-m", "neonblue", "define", str(plan)]
        subprocess.run(define, env=environment, check=True, capture_output=True, timeout=120)
        first = told.get(timeout=120)
        assert (first["action"], first["experiment"]["variants"][0]["variant_id"]) == (
            "define",
            "long",
        )
    finally:
        follower.terminate()
        follower.wait(30)


def test_follow_ends_when_nobody_reads_any_more(data_dir: Path) -> None:
    """Else it would go on holding the data after whoever began it was killed."""
    follower = subprocess.Popen(
        [sys.executable, "-m", "neonblue", "changes", "--follow"],
        stdout=subprocess.PIPE,
        env={**os.environ, "NEONBLUE_DATA_DIR": str(data_dir)},
    )
    assert follower.stdout is not None
    follower.stdout.close()
    assert follower.wait(120) == 0
