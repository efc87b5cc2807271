"""A real chDB and a real Chroma in a temporary folder, with the packaged MiniLM."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.services.chroma import Chroma, running

from neonblue.memory.embedding import Embedder, open_embedder
from neonblue.memory.library import Memory
from neonblue.stores import Store


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    return open_embedder()


@pytest.fixture
def memory(store: Store, embedder: Embedder, tmp_path: Path) -> Iterator[Memory]:
    opened = Memory(store.documents, embedder, tmp_path / "chroma").start()
    assert opened.index_states.wait_until_ready(60)
    yield opened
    opened.close()


@pytest.fixture
def chroma(tmp_path: Path) -> Iterator[Chroma]:
    with running(tmp_path / "server") as server:
        yield server
