"""A load that is killed leaves everything or nothing."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neonblue.errors import UnavailableError
from neonblue.ingest.files.load import load_file
from neonblue.ingest.files.load_plan import LoadPlan
from neonblue.models import Experiment
from neonblue.stores import Store, loads, open_store

SCRIPT = """
import sys
from neonblue.ingest.files.load import load_file
from neonblue.ingest.files.load_plan import LoadPlan
from neonblue.stores import open_store
store = open_store(sys.argv[1])
print("ready", flush=True)
load_file(store, LoadPlan.from_arguments({"path": sys.argv[2], "experiment_id": "shop",
    "unit": "user", "variant": "variant", "control": "a", "metrics": ["spent=spent"]}),
    lambda done, total, message: print(message, flush=True))
"""
UNITS = 60_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shop.csv"
    lines = (f"u{i},{'ab'[i % 2]},{1 + i % 7}" for i in range(UNITS))
    path.write_text("user,variant,spent\n" + "\n".join(lines))
    return path


def test_a_killed_load_leaves_all_or_nothing(tmp_path: Path, file: Path) -> None:
    dsn = f"chdb://{tmp_path / 'clickhouse'}"
    chance = random.Random(7)
    outcomes = set()
    for _ in range(8):
        before = outcome(dsn)
        with subprocess.Popen(
            [sys.executable, "-c", SCRIPT, dsn, str(file)],
            stdout=subprocess.PIPE,
            env={**os.environ, "NEONBLUE_DATA_DIR": str(tmp_path)},
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0, 0.7))
            process.send_signal(signal.SIGKILL)
        after = outcome(dsn)
        assert after in ((0, 0), (UNITS, 1))
        assert after >= before
        outcomes.add(after)
    assert (0, 0) in outcomes


def outcome(dsn: str) -> tuple[int, int]:
    """Units in effects and experiments defined, as the next start finds them."""
    store = open_store(dsn)
    try:
        assert not store.database.rows("SELECT name FROM system.tables WHERE name LIKE 'load\\_%'")
        listed = store.experiments.list()
        defined: list[Experiment] = [item.experiment for item in listed if item.experiment]
        units = sum(store.moments.summarise(defined[0]).n(v) for v in "ab") if defined else 0
        assert units or store.events.count() == 0
        return units, len(defined)
    finally:
        store.close()


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_load_that_dies_after_its_commit_point_is_finished(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    """Dies before anything was attached, before the definition, and before the clean-up."""
    dsn = f"chdb://{tmp_path / 'clickhouse'}"
    store = open_store(dsn)
    die_after(store, steps, monkeypatch)
    options = {"path": str(file), "experiment_id": "shop", "unit": "user", "variant": "variant"}
    plan = LoadPlan.from_arguments({**options, "control": "a", "metrics": ["spent=spent"]})
    with pytest.raises(DiedError):
        load_file(store, plan, lambda done, total, message: None)
    monkeypatch.undo()
    store.close()
    assert outcome(dsn) == (UNITS, 1)


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_load_that_fails_while_it_replaces_loses_nothing(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    """The old events go only once the new ones are sure to come: what is committed is not dropped
    with the failed command."""
    dsn = f"chdb://{tmp_path / 'clickhouse'}"
    store = open_store(dsn)
    options = {"path": str(file), "experiment_id": "shop", "unit": "user", "variant": "variant"}
    options |= {"control": "a", "metrics": ["spent=spent"]}
    load_file(store, LoadPlan.from_arguments(options), lambda done, total, message: None)
    plan = LoadPlan.from_arguments({**options, "replace": True})
    with monkeypatch.context() as patch:
        die_after(store, steps, patch, drop=True, error=UnavailableError("the disk is full"))
        with pytest.raises(UnavailableError, match="do not load it again"):
            load_file(store, plan, lambda done, total, message: None)
    store.close()
    assert outcome(dsn) == (UNITS, 1)


class DiedError(BaseException):
    """Stands for the end of the process."""


def die_after(
    store: Store,
    steps: int,
    monkeypatch: pytest.MonkeyPatch,
    *,
    drop: bool = False,
    error: BaseException | None = None,
) -> None:
    """Let ``_finish`` run some of its statements, then nothing any more."""
    finish = loads.Loads._finish
    left = [steps]

    def stumbling(self: loads.Loads, table: str, definition: str, state: str) -> object:
        command, insert = store.database.command, store.database.insert_rows

        def count(run: object) -> object:
            def counted(*arguments: object, **named: object) -> object:
                if left[0] <= 0:
                    raise error or DiedError
                left[0] -= 1
                return run(*arguments, **named)  # type: ignore[operator]

            return counted

        monkeypatch.setattr(store.database, "command", count(command))
        monkeypatch.setattr(store.database, "insert_rows", count(insert))
        return finish(self, table, definition, state)

    monkeypatch.setattr(loads.Loads, "_finish", stumbling)
    if not drop:
        monkeypatch.setattr(loads.Staging, "drop", lambda self: None)
