"""What one process keeps to itself until it has rested, the others find all the same."""

import time
from collections.abc import Callable, Iterator

import pytest
from tests.services.chroma import Chroma

from neonblue.memory import flush, index_sync, remote_pending
from neonblue.memory.collections import USER_JOURNEYS
from neonblue.memory.embedding import Embedder
from neonblue.memory.library import Memory
from neonblue.memory.live_index import Pending
from neonblue.memory.search import search
from neonblue.stores import Store
from neonblue.stores.documents import Document

CART, BICYCLE = "left with a full cart", "bought a red bicycle"


@pytest.fixture
def start(
    store: Store,
    embedder: Embedder,
    chroma: Chroma,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[], Memory]]:
    """Begins a memory of its own, as each process has, on one Chroma server."""
    monkeypatch.setattr(remote_pending, "CHECK_SECONDS", 0.0)
    started: list[Memory] = []

    def begin() -> Memory:
        started.append(Memory(store.documents, embedder, chroma.place).start())
        assert started[-1].index_states.wait_until_ready(60)
        return started[-1]

    yield begin
    for memory in started:
        memory.close()


def remember(memory: Memory, text: str, name: str = "ann", *, at_once: bool = False) -> None:
    document = Document(document_id=name, text=text, metadata={"user_id": name})
    memory.remember(USER_JOURNEYS, [document], at_once=at_once)


def found(memory: Memory, query: str) -> list[tuple[str, str]]:
    """Who is found, and with which text."""
    memory_now(memory)
    page = search(memory, USER_JOURNEYS, query)
    assert page.answered_by == "index"
    return [(hit.document.document_id, hit.document.text) for hit in page.hits]


def memory_now(memory: Memory) -> None:
    memory._remote_pending[USER_JOURNEYS.name].look(age_seconds=0.0)


def in_chroma(memory: Memory) -> dict[str, str]:
    names = memory.index.hashes(USER_JOURNEYS.name)
    return {name: text.text for name, text in memory.index.get("user_journeys", [*names]).items()}


def eventually(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_what_one_process_stored_another_finds_at_once(start: Callable[[], Memory]) -> None:
    worker, server = start(), start()
    remember(worker, CART, at_once=True)
    remember(worker, "read an article", "bob")
    assert found(server, CART)[0] == ("ann", CART)
    remember(worker, BICYCLE)
    assert found(server, BICYCLE)[0] == ("ann", BICYCLE)
    assert in_chroma(server) == {"ann": CART}
    vector = server.embed_query(BICYCLE)
    near = server.live_index.similarities(USER_JOURNEYS, vector, ["ann", "bob"])
    assert near["ann"] > 0.9 > near["bob"]


def test_half_a_second_is_how_old_an_answer_may_be(start: Callable[[], Memory]) -> None:
    worker, server = start(), start()
    assert server.live_index.get(USER_JOURNEYS, ["ann"]) == {}
    remember(worker, CART)
    eventually(lambda: "ann" in server.live_index.get(USER_JOURNEYS, ["ann"]))


def test_a_process_that_starts_later_finds_what_rests_elsewhere(
    start: Callable[[], Memory], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_sync, "LAST_BATCH", 0)  # anything missing would begin a rebuild
    worker = start()
    remember(worker, CART)
    server = start()
    assert found(server, CART) == [("ann", CART)]
    assert in_chroma(server) == {}


def test_when_there_is_no_room_the_newest_are_known(start: Callable[[], Memory]) -> None:
    worker, server = start(), start()
    known = server._remote_pending[USER_JOURNEYS.name]
    known.pending = Pending(server.embedder.dimension, most=2)
    for name in ("ann", "bob", "cy", "dan"):
        remember(worker, f"{CART} of {name}", name)
        if name != "ann":  # once one at a time, once more than fit
            memory_now(server)
    assert known.pending.names() == {"cy", "dan"}
    remember(worker, BICYCLE, "cy")
    assert found(server, BICYCLE)[0] == ("cy", BICYCLE)
    assert known.pending.names() == {"cy", "dan"}


def test_it_is_dropped_when_the_index_has_it(
    start: Callable[[], Memory], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, server = start(), start()
    remember(worker, CART)
    assert found(server, CART) == [("ann", CART)]
    monkeypatch.setattr(flush, "IDLE_SECONDS", 0.0)
    eventually(lambda: in_chroma(worker) == {"ann": CART})
    monkeypatch.setattr(remote_pending, "FLUSHED_SECONDS", 0.0)
    monkeypatch.setattr(remote_pending, "WINDOW_SECONDS", 0.0)
    assert found(server, CART) == [("ann", CART)]
    assert len(server._remote_pending[USER_JOURNEYS.name].pending) == 0


def test_what_a_dead_process_left_behind_is_brought_to_the_index(
    start: Callable[[], Memory], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, server = start(), start()
    remember(worker, CART)
    worker.close()
    assert found(server, CART) == [("ann", CART)]
    assert in_chroma(server) == {}
    monkeypatch.setattr(remote_pending, "FLUSHED_SECONDS", 0.0)
    assert found(server, CART) == [("ann", CART)]
    assert in_chroma(server) == {"ann": CART}


def test_it_is_brought_too_when_nobody_asks(
    start: Callable[[], Memory], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_sync, "FIRST_CHECK_SECONDS", 1.0)
    monkeypatch.setattr(index_sync, "CHECK_SECONDS", 1.0)
    worker = start()
    remember(worker, CART)
    worker.close()
    monkeypatch.setattr(remote_pending, "WINDOW_SECONDS", 0.0)
    server = start()
    eventually(lambda: in_chroma(server) == {"ann": CART})


def test_who_was_erased_elsewhere_does_not_come_back(
    start: Callable[[], Memory], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, server, third = start(), start(), start()
    remember(worker, CART)
    remember(worker, "read an article", "bob", at_once=True)
    assert found(server, CART)[0] == ("ann", CART)
    third.erase(USER_JOURNEYS, ["ann"])
    monkeypatch.setattr(flush, "IDLE_SECONDS", 0.0)
    monkeypatch.setattr(remote_pending, "FLUSHED_SECONDS", 0.0)
    assert [name for name, _ in found(server, CART)] == ["bob"]
    eventually(lambda: len(worker._pending[USER_JOURNEYS.name]) == 0)
    assert [*in_chroma(third)] == ["bob"]
    assert [name for name, _ in found(worker, CART)] == ["bob"]


def test_the_newest_state_reaches_the_index_whoever_had_the_older_one(
    start: Callable[[], Memory], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = start(), start()
    remember(first, CART)
    remember(second, BICYCLE, at_once=True)
    assert in_chroma(second) == {"ann": BICYCLE}
    monkeypatch.setattr(flush, "IDLE_SECONDS", 0.0)
    eventually(lambda: len(first._pending[USER_JOURNEYS.name]) == 0)
    assert in_chroma(second) == {"ann": BICYCLE}


def test_without_clickhouse_the_index_answers(start: Callable[[], Memory], store: Store) -> None:
    server = start()
    remember(server, CART, at_once=True)
    vector = server.embed_query(CART)
    store.close()
    assert server.live_index.nearest(USER_JOURNEYS, vector, 1)[0][0] == "ann"
