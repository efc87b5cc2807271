"""A fatal error of the engine, or of anything beside it, ends the process and frees its locks."""

import subprocess
import sys
from pathlib import Path
from signal import SIGABRT, SIGSEGV

import pytest

from neonblue.stores.database import Database
from neonblue.stores.fatal_signals import EXIT_STATUS

OPENED = """
import ctypes, signal, sys, threading
{first}
from neonblue.stores.database import Database
store = Database("chdb://" + sys.argv[1])
print(store.version(), flush=True)
fault = threading.Thread(target=lambda: {fault}, daemon=True)
fault.start()
fault.join(20)
for _ in range(100):
    store.version()
print("still alive")
"""
# Reads address 8 while it holds the interpreter lock, as a damaged index made a library do.
HOLDING_THE_LOCK = "ctypes.string_at(8)"
RAISED = "signal.raise_signal(signal.SIGSEGV)"
ABORTED = "ctypes.CDLL(None).abort()"


def run(folder: Path, *, fault: str, first: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", OPENED.format(first=first, fault=fault), str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("fault", "number"), [(HOLDING_THE_LOCK, SIGSEGV), (RAISED, SIGSEGV), (ABORTED, SIGABRT)]
)
def test_a_fatal_signal_ends_the_process_and_another_opens_the_data(
    tmp_path: Path, fault: str, number: int
) -> None:
    ended = run(tmp_path / "clickhouse", fault=fault)
    assert ended.returncode == -number, ended.stderr
    assert "still alive" not in ended.stdout
    store = Database(f"chdb://{tmp_path / 'clickhouse'}")
    assert store.version()
    store.close()


def test_an_engine_that_says_it_had_a_fatal_error_ends_the_process(tmp_path: Path) -> None:
    # With the engine's own handlers in place, which keep the thread that failed.
    ended = run(tmp_path / "clickhouse", fault=RAISED, first="import chdb")
    assert ended.returncode == EXIT_STATUS, ended.stderr
    assert "this process ends so that another one can take over" in ended.stderr
    store = Database(f"chdb://{tmp_path / 'clickhouse'}")
    assert store.version()
    store.close()
