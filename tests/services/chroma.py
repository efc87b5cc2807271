"""A Chroma server for tests and benchmarks: ``chroma run``, on loopback."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services.ports import free_port, wait_for_port

from neonblue.memory.vector_index import ChromaServer

START_SECONDS = 60.0


class Chroma:
    """The server's process; its data, in a folder, survives a restart."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = ChromaServer(host="127.0.0.1", port=free_port())
        self.start()

    def start(self) -> None:
        """Start it on its port and wait until it listens."""
        program = str(Path(sys.executable).with_name("chroma"))
        where = ["--host", self.place.host, "--port", str(self.place.port)]
        self._process = subprocess.Popen(
            [program, "run", *where, "--path", str(self.folder)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_port(self.place.port, START_SECONDS)

    def kill(self) -> None:
        """SIGKILL; again changes nothing."""
        self._process.kill()
        self._process.wait()


@contextmanager
def running(folder: Path) -> Iterator[Chroma]:
    """A server that ends with the block."""
    server = Chroma(folder)
    try:
        yield server
    finally:
        server.kill()
