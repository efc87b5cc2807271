"""Real ``neonblue serve --http`` processes on free loopback ports."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable

from tests.services.ports import free_port

StartHttp = Callable[..., str]


def start_http_process(**variables: str) -> tuple[subprocess.Popen[bytes], str]:
    """The process, once it listens, and the address of its endpoint."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "neonblue", "serve", "--http", f"127.0.0.1:{port}"],
        env={**os.environ, **variables},
    )
    _wait_for(port, process)
    return process, f"http://127.0.0.1:{port}/mcp"


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("it does not listen")
