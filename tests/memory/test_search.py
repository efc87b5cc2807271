"""Search: meaning, words and metadata; pages; and input that nobody should send."""

import numpy as np
import pytest

from neonblue.errors import InvalidInputError
from neonblue.memory.collections import EXPERIMENTS
from neonblue.memory.library import Memory
from neonblue.memory.search import search
from neonblue.stores.documents import Document

DOCUMENTS = [
    Document(
        document_id="pricing",
        text="Cheaper annual plan shown first on the pricing page; revenue rose.",
        metadata={"outcome": "success", "industry": "saas", "sample_size": 12_000.0},
    ),
    Document(
        document_id="checkout",
        text="One-page checkout instead of three steps; fewer carts were abandoned.",
        metadata={"outcome": "success", "industry": "retail", "sample_size": 40_000.0},
    ),
    Document(
        document_id="banner",
        text="A countdown banner on product pages; no measurable effect.",
        metadata={"outcome": "neutral", "industry": "retail", "segments": ("mobile", "new")},
    ),
    Document(
        document_id="sku",
        text="Internal code ZX-81 for the warehouse label experiment.",
        metadata={"outcome": "failure", "industry": "retail", "sample_size": 900.0},
    ),
]


@pytest.fixture
def filled(memory: Memory) -> Memory:
    assert memory.remember(EXPERIMENTS, DOCUMENTS) == len(DOCUMENTS)
    return memory


def found(memory: Memory, query: str, **options: object) -> list[str]:
    page = search(memory, EXPERIMENTS, query, **options)  # type: ignore[arg-type]
    return [hit.document.document_id for hit in page.hits]


def test_a_paraphrase_finds_what_shares_no_word(filled: Memory) -> None:
    assert found(filled, "lower subscription cost")[0] == "pricing"


def test_a_rare_word_finds_what_means_nothing(filled: Memory) -> None:
    page = search(filled, EXPERIMENTS, "ZX-81")
    assert page.hits[0].document.document_id == "sku"
    assert page.hits[0].shared_words == ("81", "zx")
    assert "words 81, zx" in page.hits[0].reason


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"outcome": "success"}, {"pricing", "checkout"}),
        ({"outcome": {"ne": "success"}}, {"banner", "sku"}),
        ({"sample_size": {"gte": 10_000, "lt": 40_000}}, {"pricing"}),
        ({"sample_size": {"ne": 900}}, {"pricing", "checkout"}),
        ({"industry": {"in": ["saas", "games"]}}, {"pricing"}),
        ({"segments": "mobile"}, {"banner"}),
        ({"segments": {"contains": "new"}, "outcome": "neutral"}, {"banner"}),
        ({"industry": "games"}, set()),
    ],
)
def test_every_filter_must_hold(
    filled: Memory, filters: dict[str, object], expected: set[str]
) -> None:
    assert set(found(filled, "experiment", filters=filters)) == expected


def test_pages_give_every_hit_once(filled: Memory) -> None:
    seen: list[str] = []
    cursor = None
    while True:
        page = search(filled, EXPERIMENTS, "page", limit=1, cursor=cursor)
        seen += [hit.document.document_id for hit in page.hits]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sorted(seen) == ["banner", "checkout", "pricing", "sku"]
    assert seen == found(filled, "page")


def test_the_index_and_clickhouse_give_the_same_answer(filled: Memory) -> None:
    vector = filled.embed_query("fewer checkout steps")
    by_index = filled.live_index.nearest(EXPERIMENTS, vector, 4)
    exact = filled.documents.nearest(
        "experiments", vector.tolist(), fingerprint=filled.embedder.fingerprint, limit=4
    )
    assert [name for name, _ in by_index] == [document.document_id for document, _ in exact]
    np.testing.assert_allclose([s for _, s in by_index], [s for _, s in exact], atol=1e-4)


@pytest.mark.parametrize("query", ["", "   \n\t "])
def test_an_empty_query_says_what_to_ask(filled: Memory, query: str) -> None:
    with pytest.raises(InvalidInputError, match="the query is empty"):
        found(filled, query)


def test_ten_thousand_words_are_cut_and_said(filled: Memory) -> None:
    page = search(filled, EXPERIMENTS, "checkout " * 10_000)
    assert page.hits[0].document.document_id == "checkout"
    assert "was cut" in page.note


@pytest.mark.parametrize("query", ["🚀🔥", "'; DROP TABLE documents; --", "%s {x} \\ \x00", "ﷺ"])
def test_strange_characters_are_only_text(filled: Memory, query: str) -> None:
    assert len(found(filled, query)) == 4


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"colour": "red"}, "no field 'colour'.*outcome"),
        ({"sample_size": {"near": 3}}, "'near' is not an operator.*gte"),
        ({"outcome": {"gt": "a"}}, "'gt' is not an operator.*in"),
        ({"outcome": {"$ne": "a"}}, "is not an operator"),
        ({"sample_size": "many"}, "needs a number"),
        ({"sample_size": True}, "needs a number"),
        ({"sample_size": float("nan")}, "needs a number"),
        ({"outcome": 3}, "needs a text"),
        ({"outcome": {}}, "is empty"),
        ({"outcome": {"in": "success"}}, "needs a list"),
    ],
)
def test_a_wrong_filter_names_what_there_is(
    filled: Memory, filters: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        found(filled, "x", filters=filters)


def test_one_of_no_values_is_met_by_nothing(filled: Memory) -> None:
    assert found(filled, "checkout", filters={"outcome": {"in": []}}) == []


@pytest.mark.parametrize("cursor", ["nonsense", "WzEsICJ4Il0=", "e30=", "é"])
def test_a_foreign_cursor_is_refused(filled: Memory, cursor: str) -> None:
    with pytest.raises(InvalidInputError, match="cursor"):
        found(filled, "x", cursor=cursor)


@pytest.mark.parametrize("limit", [0, -1, 51])
def test_the_limit_has_bounds(filled: Memory, limit: int) -> None:
    with pytest.raises(InvalidInputError, match="limit"):
        found(filled, "x", limit=limit)


def test_a_search_in_an_empty_memory_finds_nothing(memory: Memory) -> None:
    assert found(memory, "anything") == []


def test_the_same_document_again_is_not_stored_again(filled: Memory) -> None:
    assert filled.remember(EXPERIMENTS, DOCUMENTS) == 0
    assert filled.documents.count("experiments") == len(DOCUMENTS)


def test_a_changed_document_replaces_the_old_everywhere(filled: Memory) -> None:
    changed = Document(document_id="sku", text="Green delivery vans.", metadata={"outcome": "x"})
    assert filled.remember(EXPERIMENTS, [changed]) == 1
    assert found(filled, "electric transport")[0] == "sku"
    assert "ZX" not in str(filled.index.get("experiments", ["sku"])["sku"])
    assert filled.index.get("experiments", ["sku"])["sku"].metadata == {"outcome": "x"}
    contents = filled.contents(EXPERIMENTS)
    assert contents is not None
    assert contents.words.search("zx", 5) == []


def test_what_is_erased_is_found_nowhere(filled: Memory) -> None:
    filled.erase(EXPERIMENTS, ["sku", "banner"])
    assert sorted(found(filled, "experiment")) == ["checkout", "pricing"]
    assert sorted(filled.index.hashes("experiments")) == ["checkout", "pricing"]
    assert filled.documents.count("experiments") == 2


def test_metadata_must_be_fields_of_the_collection(memory: Memory) -> None:
    with pytest.raises(InvalidInputError, match="colour"):
        memory.remember(
            EXPERIMENTS, [Document(document_id="a", text="t", metadata={"colour": "red"})]
        )
    with pytest.raises(InvalidInputError, match="text"):
        memory.remember(EXPERIMENTS, [Document(document_id="a", text=" ", metadata={})])
