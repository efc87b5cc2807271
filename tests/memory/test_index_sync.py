"""The vector index is checked at start and mended by itself; meanwhile ClickHouse answers."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.services.chroma import Chroma

from neonblue.errors import ConflictError
from neonblue.memory import index_sync, vector_index
from neonblue.memory.collections import EXPERIMENTS
from neonblue.memory.embedding import Embedder
from neonblue.memory.library import Memory
from neonblue.memory.search import SearchPage, search
from neonblue.stores import Store
from neonblue.stores.documents import Document, EmbeddedDocument

DOCUMENTS = [
    Document(
        document_id=f"d{number}", text=f"test number {number} of the pricing page", metadata={}
    )
    for number in range(30)
]


def ask(memory: Memory) -> SearchPage:
    return search(memory, EXPERIMENTS, "pricing", limit=5)


def damage_files(folder: Path) -> None:
    for file in folder.rglob("*.sqlite3"):
        file.write_bytes(b"not a database" * 1000)


def remove_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def remove_graph(folder: Path) -> None:
    for file in folder.rglob("*.bin"):
        file.unlink()


@pytest.mark.parametrize("harm", [damage_files, remove_folder, remove_graph])
def test_a_harmed_index_is_rebuilt_while_clickhouse_answers(
    store: Store, embedder: Embedder, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    folder = tmp_path / "chroma"
    before = Memory(store.documents, embedder, folder).start()
    before.remember(EXPERIMENTS, DOCUMENTS)
    assert before.index_states.wait_until_ready(60)
    before.close()
    harm(folder)
    after = Memory(store.documents, embedder, folder)
    page = ask(after)
    assert (page.answered_by, len(page.hits)) == ("clickhouse", 5)
    assert "answered from ClickHouse" in page.note
    after.start()
    assert after.index_states.wait_until_ready(60)
    assert (ask(after).answered_by, len(ask(after).hits)) == ("index", 5)
    assert len(after.index.hashes("experiments")) == len(DOCUMENTS)
    after.close()


def test_an_index_that_breaks_in_use_is_replaced_without_an_error(memory: Memory) -> None:
    memory.remember(EXPERIMENTS, DOCUMENTS)
    memory.index.close()
    assert isinstance(memory.index.place, Path)
    damage_files(memory.index.place)
    assert len(ask(memory).hits) == 5
    memory.remember(EXPERIMENTS, [Document(document_id="late", text="late", metadata={})])
    assert memory.index_states.wait_until_ready(60)
    assert len(memory.index.hashes("experiments")) == len(DOCUMENTS) + 1


def test_what_the_index_has_already_is_left_alone(memory: Memory) -> None:
    memory.remember(EXPERIMENTS, DOCUMENTS[:1])
    vector = memory.embedder.embed([DOCUMENTS[0].text])[0]
    for mirrored in (DOCUMENTS[0], DOCUMENTS[1]):
        again = EmbeddedDocument(document=mirrored, vector=-vector, fingerprint="m")
        memory.index.upsert("experiments", [again])
    found = memory.index.similarities("experiments", vector, ["d0", "d1"])
    assert found == pytest.approx({"d0": 1.0, "d1": -1.0}, abs=1e-4)


def test_an_index_that_is_behind_or_ahead_is_brought_level(memory: Memory) -> None:
    memory.remember(EXPERIMENTS, DOCUMENTS)
    memory.index.delete("experiments", ["d3", "d4"])
    foreign = Document(document_id="ghost", text="x", metadata={})
    vector = memory.embedder.embed(["x"])[0]
    memory.index.upsert(
        "experiments", [EmbeddedDocument(document=foreign, vector=vector, fingerprint="m")]
    )
    place = memory.index.place
    memory.close()
    again = Memory(memory.documents, memory.embedder, place).start()
    assert again.index_states.wait_until_ready(60)
    assert sorted(again.index.hashes("experiments")) == sorted(d.document_id for d in DOCUMENTS)
    again.close()


class OtherModel:
    """The packaged model under another name and with mirrored vectors."""

    fingerprint = "other:1"

    def __init__(self, embedder: Embedder) -> None:
        self._embedder, self.dimension = embedder, embedder.dimension

    def embed(self, texts):  # type: ignore[no-untyped-def]
        return -self._embedder.embed(texts)


def test_another_model_is_refused_until_everything_is_embedded_again(memory: Memory) -> None:
    memory.remember(EXPERIMENTS, DOCUMENTS)
    place = memory.index.place
    memory.close()
    other = Memory(memory.documents, OtherModel(memory.embedder), place).start()
    with pytest.raises(ConflictError, match="neonblue migrate --reembed"):
        ask(other)
    with pytest.raises(ConflictError, match="neonblue migrate --reembed"):
        other.remember(EXPERIMENTS, DOCUMENTS[:1])
    progress: list[float] = []
    assert other.reembed(lambda done, total, message: progress.append(done / total)) == 30
    assert progress[-1] == 1
    assert other.index_states.wait_until_ready(60)
    assert (ask(other).answered_by, len(ask(other).hits)) == ("index", 5)
    assert other.reembed(lambda done, total, message: None) == 0
    other.close()


def test_embedding_again_goes_on_where_it_was_stopped(memory: Memory) -> None:
    memory.remember(EXPERIMENTS, DOCUMENTS)
    other = OtherModel(memory.embedder)
    half = [
        EmbeddedDocument(
            document=document, vector=other.embed([document.text])[0], fingerprint="other:1"
        )
        for document in DOCUMENTS[:12]
    ]
    memory.documents.save("experiments", half)
    place = memory.index.place
    memory.close()
    resumed = Memory(memory.documents, other, place)
    assert resumed.reembed(lambda done, total, message: None) == 18
    resumed.close()


def test_a_chroma_server_may_come_and_go(
    store: Store,
    embedder: Embedder,
    chroma: Chroma,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(index_sync, "RETRY_SECONDS", 0.5)
    memory = Memory(store.documents, embedder, chroma.place).start()
    assert memory.index_states.wait_until_ready(60)
    memory.remember(EXPERIMENTS, DOCUMENTS)
    assert ask(memory).answered_by == "index"
    chroma.kill()
    assert len(ask(memory).hits) == 5
    memory.remember(EXPERIMENTS, [Document(document_id="late", text="late", metadata={})])
    assert ask(memory).answered_by == "clickhouse"
    chroma.start()
    assert memory.index_states.wait_until_ready(60)
    assert ask(memory).answered_by == "index"
    assert len(memory.index.hashes("experiments")) == len(DOCUMENTS) + 1
    memory.close()


def test_a_process_that_starts_while_another_writes_has_its_index_soon(
    store: Store,
    embedder: Embedder,
    chroma: Chroma,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(vector_index, "READ_BATCH", 3)  # looking at all takes many writes
    vector = embedder.embed(["text"])

    def write(number: int, count: int = 1) -> None:
        documents = [
            Document(document_id=f"d{each % 600}", text=f"text {each}", metadata={})
            for each in range(number, number + count)
        ]
        working.remember(EXPERIMENTS, documents, embed=lambda texts: vector.repeat(len(texts), 0))

    working = Memory(store.documents, embedder, chroma.place).start()
    assert working.index_states.wait_until_ready(60)
    write(0, 600)
    late, ready = Memory(store.documents, embedder, chroma.place).start(), False
    for number in range(600, 800):
        write(number)
        if ready := late.index_states.wait_until_ready(0):
            break
    assert ready
    late.index_states.report_broken(vector_index.IndexBrokenError("look at all of it again"))
    assert late.index_states.wait_until_ready(60)
    assert late.index.hashes("experiments") == store.documents.hashes(
        "experiments", embedder.fingerprint
    )
    working.close()
    late.close()


def test_processes_that_share_a_server_mend_it_together(
    store: Store,
    embedder: Embedder,
    chroma: Chroma,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(index_sync, "RETRY_SECONDS", 0.5)
    monkeypatch.setattr(index_sync, "MEND_BATCH", 10)
    both = [Memory(store.documents, embedder, chroma.place).start() for _ in range(2)]
    assert all(memory.index_states.wait_until_ready(60) for memory in both)
    both[0].remember(EXPERIMENTS, DOCUMENTS)
    chroma.kill()
    shutil.rmtree(chroma.folder)
    assert [len(ask(memory).hits) for memory in both] == [5, 5]
    chroma.start()
    assert all(memory.index_states.wait_until_ready(60) for memory in both)
    for memory in both:
        assert len(memory.index.hashes("experiments")) == len(DOCUMENTS)
        assert ask(memory).answered_by == "index"
        memory.close()
