"""Hashes known in the process say what was stored, and never keep a document from coming back."""

from pathlib import Path

from neonblue.memory.collections import USER_JOURNEYS
from neonblue.memory.embedding import Embedder
from neonblue.memory.library import HashCache, Memory
from neonblue.stores import Store
from neonblue.stores.documents import Document


def test_the_latest_are_kept() -> None:
    known = HashCache(most=2)
    known.put({"a": "1", "b": "2"})
    known.put({"a": "3", "c": "4"})
    assert known.of(["a", "b", "c"]) == {"a": "3", "c": "4"}
    known.remove(["a", "never stored"])
    assert known.of(["a", "c"]) == {"c": "4"}


def test_a_document_is_stored_again_after_it_was_erased(
    store: Store, embedder: Embedder, tmp_path: Path
) -> None:
    memory = Memory(store.documents, embedder, tmp_path / "chroma")
    journey = Document(document_id="u1", text="A visitor who bought.", metadata={"user_id": "u1"})
    assert memory.remember(USER_JOURNEYS, [journey]) == 1
    assert memory.remember(USER_JOURNEYS, [journey]) == 0
    memory.erase(USER_JOURNEYS, ["u1"])
    assert memory.remember(USER_JOURNEYS, [journey]) == 1
    assert list(store.documents.get(USER_JOURNEYS.name, ["u1"])) == ["u1"]
    memory.close()
