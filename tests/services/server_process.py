"""Real server processes, spoken to in raw JSON-RPC lines, so a test sees every byte of stdout."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from queue import Empty, Queue
from typing import Any

ANSWER_SECONDS = 60.0
INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


class ServerProcess:
    """One ``neonblue serve`` and its client's side of the pipes."""

    def __init__(self, words: tuple[str, ...], environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "neonblue", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        self.lines: list[bytes] = []
        self._answers: dict[int, Queue[dict[str, Any]]] = {}
        self._next_id = 0
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def pid(self) -> int:
        return self.process.pid

    def send(self, method: str, **params: Any) -> int:
        """Send a request without waiting; its id."""
        self._next_id += 1
        self._answers[self._next_id] = Queue()
        self.write({"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": params})
        return self._next_id

    def write(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def answer(self, request_id: int, seconds: float = ANSWER_SECONDS) -> dict[str, Any]:
        try:
            return self._answers[request_id].get(timeout=seconds)
        except Empty:
            raise AssertionError(f"no answer; stderr: {self.stop()!r}") from None

    def request(self, method: str, **params: Any) -> dict[str, Any]:
        return self.answer(self.send(method, **params))

    def initialize(self) -> dict[str, Any]:
        answer = self.request("initialize", **INITIALIZE)
        self.write({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return answer

    def stop(self, number: signal.Signals = signal.SIGKILL) -> bytes:
        """End it, and return what it wrote to stderr."""
        self.process.send_signal(number)
        self.process.wait(20)
        assert self.process.stderr is not None
        return self.process.stderr.read()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            message = json.loads(line)
            if isinstance(message, list) or "method" in message:
                continue
            if message["id"] in self._answers:
                self._answers[message["id"]].put(message)


Start = Callable[..., ServerProcess]
