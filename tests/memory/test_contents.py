"""What is held in process: filters in columns, small vectors, and the reading in the background."""

import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neonblue.errors import InvalidInputError
from neonblue.memory import contents as contents_module
from neonblue.memory import search as search_module
from neonblue.memory.collections import EXPERIMENTS
from neonblue.memory.contents import Contents
from neonblue.memory.embedding import Embedder
from neonblue.memory.filters import Facts, FactTable, meets, parse_filters
from neonblue.memory.library import Memory
from neonblue.memory.search import search
from neonblue.stores import Store
from neonblue.stores.documents import Document, Documents, EmbeddedDocument, MetadataValue

FILTERS: list[dict[str, object]] = [
    {"type": "price"},
    {"type": {"ne": "price"}},
    {"type": {"in": ["price", "copy"]}},
    {"type": "nowhere"},
    {"sample_size": {"gte": 500, "lt": 700}},
    {"sample_size": {"ne": 500}},
    {"sample_size": {"in": [500, 501.0]}},
    {"segments": {"contains": "mobile"}},
    {"type": "copy", "segments": {"contains": "new"}, "sample_size": {"gt": 100}},
]


def facts(count: int, seed: int = 1) -> list[Facts]:
    """Documents some of whose fields are missing."""
    numbers = random.Random(seed)
    vectors = np.random.default_rng(seed).normal(size=(count, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = []
    for row in range(count):
        metadata: dict[str, MetadataValue] = {}
        if numbers.random() < 0.8:
            metadata["type"] = numbers.choice(("price", "copy", "form"))
        if numbers.random() < 0.8:
            metadata["sample_size"] = float(numbers.randrange(1000))
        if numbers.random() < 0.5:
            metadata["segments"] = tuple(numbers.sample(("mobile", "new", "app"), 2))
        vector = vectors[row].astype(np.float32)
        found.append(Facts(document_id=f"d{row:04}", metadata=metadata, vector=vector))
    return found


@pytest.mark.parametrize("filters", FILTERS)
def test_columns_select_what_the_rule_for_one_document_says(filters: dict[str, object]) -> None:
    documents = facts(1000)
    table = FactTable(EXPERIMENTS.fields, 16)
    table.add(facts(400, seed=2))  # replaced by the next line, and shorter than the first block
    table.add(documents)
    table.remove([item.document_id for item in documents[::7]])
    kept = [item for row, item in enumerate(documents) if row % 7]
    conditions = parse_filters(EXPERIMENTS, filters)
    expected = [item.document_id for item in kept if meets(item.metadata, conditions)]
    selection = table.select(conditions)
    assert selection.among(item.document_id for item in documents) == expected
    assert (selection.count, selection.of) == (len(expected), len(kept))


def test_small_vectors_choose_the_nearest() -> None:
    documents = facts(5000)
    table = FactTable(EXPERIMENTS.fields, 16)
    table.add(documents)
    query = documents[17].vector
    exact = sorted(documents, key=lambda item: -float(item.vector @ query))
    found = table.select(()).nearest(query, 60)
    assert {item.document_id for item in exact[:50]} <= set(found)


def test_a_removed_documents_row_is_used_again() -> None:
    table = FactTable(EXPERIMENTS.fields, 16)
    first, second = facts(2)
    table.add([first])
    table.remove([first.document_id])
    table.add([replace(second, metadata={})])
    assert len(table) == 1
    assert table.select(parse_filters(EXPERIMENTS, {"type": {"ne": "x"}})).count == 0
    assert table.select(()).among([first.document_id, second.document_id]) == ["d0001"]


@pytest.mark.parametrize("widest", [0, 1000])
def test_both_ways_of_filtering_find_the_exact_nearest(
    memory: Memory, widest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_module, "WIDEST", widest)
    memory.remember(EXPERIMENTS, [document(row) for row in range(60)])
    page = search(memory, EXPERIMENTS, "annual plan", filters={"type": "copy"}, limit=5)
    vector = memory.embed_query("annual plan")
    exact = memory.documents.nearest(
        "experiments",
        vector.tolist(),
        fingerprint=memory.embedder.fingerprint,
        limit=5,
        conditions=parse_filters(EXPERIMENTS, {"type": "copy"}),
    )
    assert {hit.document.metadata["type"] for hit in page.hits} == {"copy"}
    best = max(page.hits, key=lambda hit: hit.similarity)
    assert best.similarity == pytest.approx(exact[0][1], abs=1e-5)


def document(row: int) -> Document:
    change = ("annual plan first", "shorter headline", "one field less")[row % 3]
    return Document(
        document_id=f"e{row:02}",
        text=f"{change}, version {row}",
        metadata={"type": ("pricing", "copy")[row % 2]},
    )


class HeldDocuments(Documents):
    """The real documents; reading them waits between pages for a sign."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.database)
        self.go = threading.Event()

    def embedded_pages(
        self, collection: str, fingerprint: str, size: int = 5000
    ) -> Iterator[list[EmbeddedDocument]]:
        for page in super().embedded_pages(collection, fingerprint, size):
            self.go.wait(30)
            yield page


def contents_of(documents: Documents, embedder: Embedder, *, alone: bool = True) -> Contents:
    return Contents(
        documents,
        EXPERIMENTS,
        fingerprint=embedder.fingerprint,
        dimension=embedder.dimension,
        alone=alone,
    )


def test_what_changes_during_the_first_reading_is_newer(store: Store, embedder: Embedder) -> None:
    documents = HeldDocuments(store)
    old = Document(document_id="a", text="zebra", metadata={"type": "copy"})
    gone = Document(document_id="b", text="zebra", metadata={"type": "copy"})
    documents.save("experiments", [embedded(old, embedder), embedded(gone, embedder)])
    contents = contents_of(documents, embedder)
    assert not contents.ready(0.0)
    contents.put([embedded(replace(old, text="giraffe"), embedder)])
    contents.remove(["b"])
    documents.go.set()
    assert contents.ready(30)
    assert contents.words.search("zebra", 5) == []
    assert [name for name, _ in contents.words.search("giraffe", 5)] == ["a"]
    assert contents.facts.select(()).among(["a", "b"]) == ["a"]
    contents.close()


def test_what_another_process_changes_is_read_in_parts(
    store: Store, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents_module, "READ_SECONDS", 0.0)
    monkeypatch.setattr(contents_module, "READ_BATCH", 2)
    documents = HeldDocuments(store)

    def stored(name: str, text: str) -> None:
        item = Document(document_id=name, text=text, metadata={"type": "copy"})
        store.documents.save("experiments", [embedded(item, embedder)])

    stored("a", "zebra")
    stored("b", "zebra")
    contents = contents_of(documents, embedder, alone=False)
    assert not contents.ready(0.0)
    stored("a", "giraffe")  # while it is first read, and then more than a part holds
    stored("c", "zebra")
    documents.go.set()
    assert contents.ready(30)
    assert contents.ready()
    assert {name for name, _ in contents.words.search("zebra", 5)} == {"b", "c"}
    for name in "bcdef":
        stored(name, "giraffe")
    assert contents.ready()
    assert {name for name, _ in contents.words.search("giraffe", 9)} == set("abcdef")
    assert contents.words.search("zebra", 5) == []
    contents.close()


def test_a_search_does_not_wait_for_the_first_reading(
    store: Store, embedder: Embedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = HeldDocuments(store)
    documents.save("experiments", [embedded(document(row), embedder) for row in range(4)])
    memory = Memory(documents, embedder, tmp_path / "chroma").start()
    monkeypatch.setattr("neonblue.memory.contents.PATIENCE_SECONDS", 0.0)
    page = search(memory, EXPERIMENTS, "annual plan", filters={"type": "pricing"})
    assert {hit.document.document_id for hit in page.hits} == {"e00", "e02"}
    assert "meaning alone" in page.note
    documents.go.set()
    contents = memory.contents(EXPERIMENTS, patience_seconds=30)
    assert contents is not None
    assert "meaning alone" not in search(memory, EXPERIMENTS, "annual plan").note
    memory.close()


def embedded(item: Document, embedder: Embedder) -> EmbeddedDocument:
    vector = embedder.embed([item.text])[0]
    return EmbeddedDocument(document=item, vector=vector, fingerprint=embedder.fingerprint)


def test_an_outcome_that_does_not_exist_is_answered_with_those_that_do() -> None:
    with pytest.raises(InvalidInputError, match="'win': it is one of success, failure, neutral"):
        parse_filters(EXPERIMENTS, {"outcome": "win"})
    with pytest.raises(InvalidInputError, match="'loss'"):
        parse_filters(EXPERIMENTS, {"outcome": {"in": ["success", "loss"]}})


def test_a_time_may_be_a_date() -> None:
    (condition,) = parse_filters(EXPERIMENTS, {"timestamp": {"gte": "2025-01-01"}})
    assert condition.value == 1735689600.0
    with pytest.raises(InvalidInputError, match="a date like 2025-01-31"):
        parse_filters(EXPERIMENTS, {"timestamp": {"gte": "last year"}})
