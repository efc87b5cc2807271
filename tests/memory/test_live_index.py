"""What was remembered for later is found at once, and reaches Chroma when it has rested."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neonblue.memory import flush, live_index
from neonblue.memory.collections import USER_JOURNEYS
from neonblue.memory.embedding import Embedder
from neonblue.memory.library import Memory
from neonblue.memory.live_index import Pending
from neonblue.memory.search import search
from neonblue.stores.document_filter import Condition
from neonblue.stores.documents import Document, EmbeddedDocument

MOBILE = Condition(field="device_type", kind="text", operator="eq", value="mobile")


def journey(name: str, text: str, device: str = "mobile") -> Document:
    return Document(document_id=name, text=text, metadata={"user_id": name, "device_type": device})


def in_chroma(memory: Memory) -> set[str]:
    return set(memory.index.hashes(USER_JOURNEYS.name))


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@given(
    st.lists(
        st.tuples(st.sampled_from(["put", "drop", "settle"]), st.integers(0, 11)), max_size=60
    ),
    st.integers(1, 5),
)
def test_what_is_found_is_what_a_plain_search_finds(
    steps: list[tuple[str, int]], limit: int
) -> None:
    vectors = np.random.default_rng(3).normal(size=(70, 4)).astype(np.float32)
    tested, expected = Pending(4, most=12), {}
    for number, (step, name) in enumerate(steps):
        if step == "put":
            device = "mobile" if number % 2 else "desktop"
            expected[str(name)] = EmbeddedDocument(
                document=journey(str(name), f"text {number}", device),
                vector=vectors[number],
                fingerprint="m",
            )
            tested.put([expected[str(name)]])
        elif step == "drop":
            tested.remove([str(name)])
            expected.pop(str(name), None)
        elif str(name) in expected:
            tested.flushed([expected.pop(str(name))])
    allowed = [e for e in expected.values() if e.document.metadata["device_type"] == "mobile"]
    ranked = sorted(allowed, key=lambda each: -float(each.vector @ vectors[69]))
    found, names = tested.nearest(vectors[69], limit, [MOBILE])
    assert [name for name, _ in found] == [each.document.document_id for each in ranked[:limit]]
    assert names == set(expected) == tested.names()
    assert len(tested) == len(expected) == tested.most - tested.room


def test_a_journey_is_found_before_chroma_has_it(memory: Memory) -> None:
    memory.remember(USER_JOURNEYS, [journey("ann", "left with a full cart")])
    memory.remember(
        USER_JOURNEYS,
        [journey("ann", "bought a bicycle"), journey("bob", "left with a full cart", "desktop")],
        at_once=False,
    )
    assert in_chroma(memory) == {"ann"}
    (first, second) = search(memory, USER_JOURNEYS, "left with a full cart").hits
    assert [first.document.document_id, second.document.document_id] == ["bob", "ann"]
    assert second.document.text == "bought a bicycle"
    (hit,) = search(memory, USER_JOURNEYS, "cart", filters={"device_type": "desktop"}).hits
    assert hit.document.document_id == "bob"


def test_older_states_in_chroma_do_not_hide_what_is_further_away(memory: Memory) -> None:
    names = [f"u{number}" for number in range(40)]
    memory.remember(USER_JOURNEYS, [journey(name, "left with a full cart") for name in names])
    memory.remember(USER_JOURNEYS, [journey("far", "read the blog")])
    memory.remember(
        USER_JOURNEYS, [journey(name, "bought a bicycle") for name in names], at_once=False
    )
    vector = memory.embed_query("left with a full cart")
    found = memory.live_index.nearest(USER_JOURNEYS, vector, 41)
    assert sorted(name for name, _ in found) == sorted([*names, "far"])


def test_what_has_rested_reaches_chroma(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flush, "IDLE_SECONDS", 0.2)
    memory.remember(USER_JOURNEYS, [journey("ann", "left with a full cart")], at_once=False)
    wait_for(lambda: in_chroma(memory) == {"ann"})
    wait_for(lambda: not memory._pending[USER_JOURNEYS.name].names())
    (hit,) = search(memory, USER_JOURNEYS, "full cart").hits
    assert hit.document.document_id == "ann"


def test_a_full_house_holds_the_writer_back_and_loses_nothing(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = Pending(memory.embedder.dimension, most=300)
    monkeypatch.setitem(memory._pending, USER_JOURNEYS.name, few)
    names = [f"u{number}" for number in range(900)]
    for start in range(0, 900, 100):
        batch = [journey(name, f"read page {start}") for name in names[start : start + 100]]
        memory.remember(USER_JOURNEYS, batch, at_once=False)
        assert len(few) <= 300
    assert len(in_chroma(memory) | few.names()) == 900


def test_an_erased_journey_does_not_come_back(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flush, "IDLE_SECONDS", 0.0)
    names = [f"u{number}" for number in range(200)]
    memory.remember(USER_JOURNEYS, [journey(name, "read") for name in names], at_once=False)
    memory.erase(USER_JOURNEYS, names[:100])
    wait_for(lambda: not memory._pending[USER_JOURNEYS.name].names())
    assert in_chroma(memory) == set(names[100:])


def test_what_had_no_time_to_rest_is_found_after_a_restart(
    memory: Memory, embedder: Embedder, tmp_path: Path
) -> None:
    assert live_index.IDLE_SECONDS > 1
    memory.remember(USER_JOURNEYS, [journey("ann", "left with a full cart")], at_once=False)
    memory.close()
    again = Memory(memory.documents, embedder, tmp_path / "chroma").start()
    assert again.index_states.wait_until_ready(60)
    assert in_chroma(again) == {"ann"}
    again.close()


def test_the_index_gets_ready_while_journeys_stream_in(
    memory: Memory,
) -> None:
    from neonblue.memory.vector_index import IndexBrokenError

    memory.remember(USER_JOURNEYS, [journey("ann", "read")], at_once=False)
    memory.index_states.report_broken(IndexBrokenError("a test says so"))
    for number in range(20):
        memory.remember(USER_JOURNEYS, [journey("bob", f"read {number}")], at_once=False)
    assert memory.index_states.wait_until_ready(30)
    assert set(memory.live_index.get(USER_JOURNEYS, ["ann", "bob"])) == {"ann", "bob"}
