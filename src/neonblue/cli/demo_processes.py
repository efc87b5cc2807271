"""The processes of ``neonblue demo --loop``: server, platform and loop, and their ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Literal

from neonblue.errors import UnavailableError

START_SECONDS = 60.0
LEAVE_SECONDS = 30.0
COMMAND_SECONDS = 120.0

Teller = Literal["platform", "loop"]
Told = SimpleQueue[tuple[Teller, Any]]


@contextmanager
def server(log: Path) -> Iterator[str]:
    """``neonblue serve --http`` on a free port of loopback; its address. Ends with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "neonblue", "serve", "--http", address], stderr=errors
        )
    try:
        _wait_for(address, process, log)
        yield f"http://{address}"
    finally:
        end(process)


class Talker:
    """A process that writes lines of JSON, each of which is put where it is waited for."""

    def __init__(self, name: Teller, words: Sequence[str], told: Told, log: Path) -> None:
        self._name, self._told = name, told
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *words], stdout=subprocess.PIPE, stderr=errors
            )
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Ask it to leave, and read what it says last."""
        end(self.process)
        self._thread.join(LEAVE_SECONDS)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._told.put((self._name, json.loads(line)))


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, and what does not leave is killed."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(LEAVE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def command(*words: str) -> str:
    """What ``neonblue`` with these words prints. Raises ``UnavailableError`` when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "neonblue", *words],
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
        env=dict(os.environ),
    )
    if done.returncode != 0:
        raise UnavailableError(f"`neonblue {' '.join(words)}` failed: {done.stderr.strip()}")
    return done.stdout


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    host, _, port = address.partition(":")
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise UnavailableError(f"the server of the demo does not listen: see {log}")
