"""Documents: replaced when they change, found by exact distance and typed metadata."""

from datetime import datetime

import numpy as np
import pytest

from neonblue.stores import Store
from neonblue.stores.document_filter import Condition
from neonblue.stores.documents import Document, EmbeddedDocument


def embedded(
    document_id: str,
    vector: list[float],
    *,
    model: str = "m:1",
    text: str = "t",
    **metadata: object,
) -> EmbeddedDocument:
    document = Document(document_id=document_id, text=text, metadata=metadata)  # type: ignore[arg-type]
    return EmbeddedDocument(
        document=document, vector=np.asarray(vector, dtype=np.float32), fingerprint=model
    )


@pytest.fixture
def filled(store: Store) -> Store:
    store.documents.save(
        "experiments",
        [
            embedded("a", [1, 0], outcome="success", sample_size=100.0, segments=("new", "old")),
            embedded("b", [0.8, 0.6], outcome="failure", sample_size=50.0, segments=("old",)),
            embedded("c", [0, 1], sample_size=70.0),
        ],
    )
    return store


def test_the_nearest_come_first_with_their_cosine(filled: Store) -> None:
    hits = filled.documents.nearest("experiments", [1, 0], fingerprint="m:1", limit=2)
    assert [(document.document_id, round(score, 6)) for document, score in hits] == [
        ("a", 1.0),
        ("b", 0.8),
    ]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Condition(field="outcome", kind="text", operator="eq", value="success"), "a"),
        (Condition(field="outcome", kind="text", operator="ne", value="success"), "b"),
        (Condition(field="outcome", kind="text", operator="in", value=("failure", "x")), "b"),
        (Condition(field="sample_size", kind="number", operator="gte", value=70.0), "ac"),
        (Condition(field="sample_size", kind="number", operator="in", value=(50.0, 70.0)), "bc"),
        (Condition(field="segments", kind="list", operator="contains", value="old"), "ab"),
    ],
)
def test_metadata_conditions_hold_by_type(
    filled: Store, condition: Condition, expected: str
) -> None:
    found = filled.documents.select("experiments", [condition])
    assert sorted(document.document_id for document in found) == list(expected)
    near = filled.documents.nearest(
        "experiments", [1, 0], fingerprint="m:1", limit=9, conditions=[condition]
    )
    assert sorted(document.document_id for document, _ in near) == list(expected)


def test_saving_again_replaces_and_never_doubles(filled: Store) -> None:
    for _ in range(3):
        filled.documents.save("experiments", [embedded("a", [0, 1], text="new")])
    assert filled.documents.count("experiments") == 3
    assert filled.documents.get("experiments", ["a"])["a"].text == "new"


def test_named_documents_come_with_their_vectors(filled: Store) -> None:
    found = filled.documents.embedded("experiments", "m:1", ["b", "nope"])
    assert [item.document.document_id for item in found] == ["b"]
    np.testing.assert_allclose(found[0].vector, [0.8, 0.6], rtol=1e-6)


def test_pages_hold_every_document_of_the_model_as_it_was_stored(filled: Store) -> None:
    filled.documents.save("experiments", [embedded("d", [1, 1], model="m:2")])
    pages = list(filled.documents.embedded_pages("experiments", "m:1", size=2))
    assert [[item.document.document_id for item in page] for page in pages] == [["a", "b"], ["c"]]
    named = filled.documents.embedded("experiments", "m:1", ["a", "b", "c"])
    by_id = {item.document.document_id: item for item in named}
    for item in (item for page in pages for item in page):
        assert item.document == by_id[item.document.document_id].document
        np.testing.assert_array_equal(item.vector, by_id[item.document.document_id].vector)


def test_documents_of_another_model_are_what_reembedding_has_left(filled: Store) -> None:
    filled.documents.save("experiments", [embedded("c", [1, 1, 1], model="m:2")])
    left = filled.documents.not_of("experiments", "m:2")
    assert [document.document_id for document in left] == ["a", "b"]
    assert filled.documents.fingerprints() == {"experiments": {"m:1": 2, "m:2": 1}}


def test_an_unchanged_document_has_the_hash_that_is_stored(filled: Store) -> None:
    stored = filled.documents.hashes("experiments", "m:1")
    read = filled.documents.get("experiments", ["a", "b", "c"])
    assert {name: document.content_hash for name, document in read.items()} == stored


def test_erased_documents_are_gone(filled: Store) -> None:
    filled.documents.erase("experiments", ["a", "b"])
    assert list(filled.documents.get("experiments", ["a", "b", "c"])) == ["c"]


def test_emoji_and_quotes_survive(store: Store) -> None:
    text = '🚀 it\'s "bold" \\ 100 % {x:String}'
    store.documents.save("experiments", [embedded("é'1", [1, 0], text=text, industry="日本")])
    found = store.documents.get("experiments", ["é'1"])["é'1"]
    assert (found.text, found.metadata) == (text, {"industry": "日本"})


def test_what_changed_since_is_named_with_its_newest_state(filled: Store) -> None:
    documents = filled.documents

    def since(
        moment: datetime | None, window: float | None = None
    ) -> tuple[dict[str, str], datetime]:
        found, latest = documents.changed_since("experiments", "m:1", moment, window)
        assert latest is not None
        return found, latest

    everything, first = since(None)
    assert everything == documents.hashes("experiments", "m:1")
    assert (documents.latest("experiments"), documents.latest("user_journeys")) == (first, None)
    assert since(first) == ({}, first)
    newer = [embedded("b", [1, 0], text=text) for text in ("second", "third")]
    for each in newer:
        documents.save("experiments", [each])
    documents.save("experiments", [embedded("d", [1, 0], model="m:2")])
    changed, second = since(first)
    assert (changed, second > first) == ({"b": newer[1].document.content_hash}, True)
    assert since(first, window=60.0) == (changed, second)
    assert documents.changed_since("experiments", "m:1", None, 0.0) == ({}, None)
