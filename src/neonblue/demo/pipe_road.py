"""The platform's road without Kafka: changes and events through pipes of our own commands."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from neonblue.demo.heard_changes import HeardChanges

LEAVE_SECONDS = 30.0


class PipeRoad:
    """``neonblue changes --follow`` is read, ``neonblue ingest -`` is written to."""

    def __init__(self) -> None:
        self._heard = HeardChanges()
        self._changes = _neonblue("changes", "--follow", stdout=subprocess.PIPE)
        self._ingest = _neonblue(
            "ingest", "-", "--events-only", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def changes(self) -> Sequence[Mapping[str, Any]]:
        """What was heard since the last call."""
        return self._heard.take()

    def send(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Written at once; the command reads for a second at a time."""
        assert self._ingest.stdin is not None
        self._ingest.stdin.write(b"".join(json.dumps(one).encode() + b"\n" for one in events))
        self._ingest.stdin.flush()

    def close(self) -> None:
        """Wait until what was sent is stored."""
        assert self._ingest.stdin is not None
        self._ingest.stdin.close()
        self._ingest.wait(LEAVE_SECONDS)
        self._changes.terminate()
        self._changes.wait(LEAVE_SECONDS)

    def _listen(self) -> None:
        assert self._changes.stdout is not None
        for line in self._changes.stdout:
            self._heard.add(json.loads(line))


def _neonblue(*words: str, stdout: int, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "neonblue", *words]
    return subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=subprocess.DEVNULL)
