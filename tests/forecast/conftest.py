"""A store and a memory to learn from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from neonblue.memory.embedding import Embedder, open_embedder
from neonblue.memory.library import Memory
from neonblue.stores import Store


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    return open_embedder()


@pytest.fixture
def memory(store: Store, embedder: Embedder, tmp_path: Path) -> Iterator[Memory]:
    opened = Memory(store.documents, embedder, tmp_path / "chroma")
    yield opened
    opened.close()
