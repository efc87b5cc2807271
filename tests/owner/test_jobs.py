"""Jobs run where the data is, and their progress and errors come back."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from neonblue.errors import InvalidInputError, NotFoundError, UnavailableError
from neonblue.owner.embedded import run_job
from neonblue.owner.job_stream import read_streamed, run_streamed

if TYPE_CHECKING:
    from tests.services.server_process import Start

ROWS = 2000


@pytest.fixture
def units_file(tmp_path: Path) -> Path:
    path = tmp_path / "units.csv"
    rows = (f"u{n},{'treatment' if n % 2 else 'control'},{n % 7 == 0:d}" for n in range(ROWS))
    path.write_text("user,variant,converted\n" + "\n".join(rows) + "\n")
    return path


def _silent(done: float, total: float, message: str) -> None:
    """A report that nobody reads."""


def _load(path: Path, *words: str) -> list[str]:
    load = ["load", str(path), "--experiment", "checkout", "--unit", "user"]
    load += ["--variant", "variant", "--control", "control", "--metric", "converted=converted"]
    return [sys.executable, "-m", "neonblue", *load, *words]


def test_without_an_owner_the_job_runs_here(data_dir: Path) -> None:
    assert run_job("inspect", {}, _silent)["experiments"] == 0


def test_with_an_owner_the_job_runs_there(
    start_server: "Start", owner_pid: Callable[[], int | None]
) -> None:
    server = start_server()
    server.initialize()
    assert run_job("inspect", {}, _silent)["version"]
    assert owner_pid() == server.pid


def test_what_was_loaded_is_seen_by_a_client_of_the_owner(
    start_server: "Start", units_file: Path
) -> None:
    server = start_server()
    server.initialize()
    subprocess.run(_load(units_file), check=True, capture_output=True)
    answer = server.request("tools/call", name="list_experiments", arguments={})
    (experiment,) = answer["result"]["structuredContent"]["experiments"]
    assert experiment["units"] == ROWS


def test_a_client_that_starts_during_a_load_works_through_it(
    start_server: "Start", units_file: Path
) -> None:
    with subprocess.Popen(_load(units_file), stdout=subprocess.DEVNULL) as loading:
        server = start_server()
        server.initialize()
        assert "result" in server.request("tools/call", name="list_experiments", arguments={})
        assert loading.wait(60) == 0
    answer = server.request("tools/call", name="list_experiments", arguments={})
    assert answer["result"]["structuredContent"]["total"] == 1


def test_a_load_stops_when_its_client_is_gone(data_dir: Path, units_file: Path) -> None:
    """The client leaves with the first progress: nothing is loaded and nothing more is said."""
    load = {"path": str(units_file), "experiment_id": "checkout", "unit": "user"}
    load |= {"variant": "variant", "control": "control"}
    sent: list[dict[str, Any]] = []

    async def leave_at_once() -> None:
        begun = anyio.Event()

        async def send(line: bytes) -> None:
            sent.append(json.loads(line))
            begun.set()

        async def read() -> bytes:
            await begun.wait()
            raise anyio.EndOfStream

        await run_streamed("load", {**load, "metrics": ["converted=converted"]}, send, read)

    anyio.run(leave_at_once)
    assert [list(line) for line in sent] == [["progress"]]
    assert run_job("inspect", {}, _silent)["experiments"] == 0


def test_an_unknown_job_is_refused_with_the_list(data_dir: Path) -> None:
    with pytest.raises(NotFoundError, match="inspect"):
        run_job("nope", {}, _silent)


def test_an_error_of_the_job_keeps_its_kind_on_the_way() -> None:
    line = b'{"error": {"kind": "InvalidInputError", "message": "no column \'x\'"}}\n'
    with pytest.raises(InvalidInputError, match="no column 'x'"):
        read_streamed([line], _silent)


def test_an_error_that_is_not_ours_does_not_pretend_to_be() -> None:
    with pytest.raises(UnavailableError):
        read_streamed([b'{"error": {"kind": "Path", "message": "failed"}}\n'], _silent)


def test_progress_comes_before_the_result() -> None:
    seen: list[Any] = []
    lines = [b'{"progress": [1, 2, "half"]}\n', b'{"result": {"rows": 2}}\n']
    assert read_streamed(lines, lambda *progress: seen.append(progress)) == {"rows": 2}
    assert seen == [(1, 2, "half")]


def _stopped(pid: int) -> bool:
    """Whether every thread has stopped: a stop reaches them one after the other."""
    threads = Path(f"/proc/{pid}/task").glob("*/stat")
    return all(stat.read_text().rpartition(")")[2].split()[0] == "T" for stat in threads)


def test_a_job_that_had_not_begun_when_the_owner_was_killed_runs_here(
    start_server: "Start",
    owner_pid: Callable[[], int | None],
    eventually: Callable[..., None],
) -> None:
    server = start_server()
    server.initialize()
    server.process.send_signal(signal.SIGSTOP)
    eventually(lambda: _stopped(server.pid))
    threading.Timer(0.3, os.kill, (server.pid, signal.SIGKILL)).start()
    assert run_job("inspect", {}, _silent)["experiments"] == 0
