"""A real chDB and a real Chroma in a temporary folder, with the packaged MiniLM."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from neonblue.memory.embedding import Embedder, open_embedder
from neonblue.memory.library import Memory
from neonblue.stores import Store, open_store


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    return open_embedder()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"chdb://{tmp_path / 'clickhouse'}")
    yield opened
    opened.close()


@pytest.fixture
def memory(store: Store, embedder: Embedder, tmp_path: Path) -> Iterator[Memory]:
    opened = Memory(store.documents, embedder, tmp_path / "chroma").start()
    assert opened.upkeep.wait_until_ready(60)
    yield opened
    opened.close()


@pytest.fixture
def start_chroma(tmp_path: Path) -> Iterator[Callable[[int], subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(port: int) -> subprocess.Popen[bytes]:
        program = Path(sys.executable).with_name("chroma")
        command = [program, "run", "--host", "127.0.0.1", "--port", str(port)]
        server = subprocess.Popen(
            [*map(str, command), "--path", str(tmp_path / "server")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        started.append(server)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return server
            time.sleep(0.1)
        raise AssertionError("the Chroma server did not start")

    yield start
    for server in started:
        server.kill()
        server.wait()
