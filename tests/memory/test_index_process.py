"""The embedded index may be damaged or crash: no search breaks, and all documents come back."""

import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from neonblue.cli.index_check import check_embedded_index
from neonblue.memory import index_process
from neonblue.memory.collections import COLLECTIONS, EXPERIMENTS
from neonblue.memory.embedding import Embedder
from neonblue.memory.index_files import LAYOUT, check_files
from neonblue.memory.index_folder import OPENING, last_damage, own_folder
from neonblue.memory.index_process import IndexProcess
from neonblue.memory.library import Memory
from neonblue.memory.search import search
from neonblue.stores import Store
from neonblue.stores.documents import Document, EmbeddedDocument

# Chroma writes its graph to files once a thousand documents came.
COUNT = 1250
SECONDS = 120


def documents(count: int) -> list[Document]:
    return [
        Document(document_id=f"d{number:04}", text=f"test {number} of the price", metadata={})
        for number in range(count)
    ]


def vectors_of(texts: Sequence[str]) -> NDArray[np.float32]:
    """A vector for each number in the texts, as far from each other as random ones are."""
    rows = [np.random.default_rng(int(text.split()[1])).normal(size=384) for text in texts]
    unit: NDArray[np.float32] = np.array([row / np.linalg.norm(row) for row in rows], "f4")
    return unit


def embedded(count: int, fingerprint: str) -> list[EmbeddedDocument]:
    vectors = vectors_of([document.text for document in documents(count)])
    return [
        EmbeddedDocument(document=document, vector=vector, fingerprint=fingerprint)
        for document, vector in zip(documents(count), vectors, strict=True)
    ]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Path:
    """The place of an index that was written and closed."""
    place = tmp_path_factory.mktemp("built") / "chroma"
    index = IndexProcess(place, embedder.fingerprint, list(COLLECTIONS), embedder.dimension)
    assert index.hashes("experiments") == {}
    index.upsert("experiments", embedded(COUNT, embedder.fingerprint))
    index.close()
    return place


Opened = Callable[[], Memory]


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """A data directory with a copy of the index."""
    shutil.copytree(built, tmp_path / "chroma")
    return tmp_path


@pytest.fixture
def opened(folder: Path, store: Store, embedder: Embedder) -> Iterator[Opened]:
    """Opens the memory on this test's copy; it is closed with the test."""
    store.documents.save("experiments", embedded(COUNT, embedder.fingerprint))
    memories: list[Memory] = []

    def open_memory() -> Memory:
        memories.append(Memory(store.documents, embedder, folder / "chroma"))
        return memories[-1]

    yield open_memory
    for memory in memories:
        memory.close()


def graph(folder: Path) -> Path:
    (header,) = (folder / "chroma").rglob("header.bin")
    return header.parent


def cut(file: Path, size: int) -> None:
    with file.open("r+b") as opened_file:
        opened_file.truncate(size)


def cut_header(graph: Path) -> None:
    cut(graph / "header.bin", 50)


def cut_links(graph: Path) -> None:
    cut(graph / "link_lists.bin", (graph / "link_lists.bin").stat().st_size // 2)


def links_with_a_tail(graph: Path) -> None:
    with (graph / "link_lists.bin").open("ab") as links:
        links.write(b"\0" * 8)


def cut_vectors(graph: Path) -> None:
    cut(graph / "data_level0.bin", (graph / "data_level0.bin").stat().st_size // 2)


def zeroed_vectors(graph: Path) -> None:
    """As a file system leaves blocks that it had not written yet; every size stays right."""
    data = graph / "data_level0.bin"
    content = bytearray(data.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 65_536] = bytes(65_536)
    data.write_bytes(content)


def cut_lengths(graph: Path) -> None:
    cut(graph / "length.bin", 4)


def missing_links(graph: Path) -> None:
    (graph / "link_lists.bin").unlink()


def links_that_lead_nowhere(graph: Path) -> None:
    header = LAYOUT.unpack((graph / "header.bin").read_bytes())
    data = graph / "data_level0.bin"
    content = bytearray(data.read_bytes())
    struct.pack_into("<I", content, 100 * header[4] + 4, 1 << 30)
    data.write_bytes(content)


def header_of_more(graph: Path) -> None:
    header = list(LAYOUT.unpack((graph / "header.bin").read_bytes()))
    header[3] += 7
    (graph / "header.bin").write_bytes(LAYOUT.pack(*header))


HARMS = {
    cut_header: "header.bin has 50 bytes instead of 100",
    cut_links: "link_lists.bin",
    links_with_a_tail: "link_lists.bin has",
    cut_vectors: "data_level0.bin has",
    zeroed_vectors: "vectors that are not of length 1",
    cut_lengths: "length.bin has 4 bytes instead of",
    missing_links: "link_lists.bin is missing",
    links_that_lead_nowhere: "data_level0.bin has a link to an element that is not there",
    header_of_more: "bytes instead of",
}


def assert_whole(memory: Memory, count: int = COUNT) -> None:
    """The index becomes ready, has everything, and finds it."""
    assert memory.index_states.wait_until_ready(SECONDS)
    wanted = memory.documents.hashes("experiments", memory.embedder.fingerprint)
    assert len(wanted) == count
    assert memory.index.hashes("experiments") == wanted
    for document in documents(count)[::50]:
        (vector,) = vectors_of([document.text])
        (nearest,) = memory.index.query("experiments", vector, 1)
        assert nearest == (document.document_id, pytest.approx(1.0, abs=1e-3))
    assert search(memory, EXPERIMENTS, "price").answered_by == "index"


@pytest.mark.parametrize("harm", HARMS)
def test_doctor_names_what_is_wrong_with_the_files(
    folder: Path, harm: Callable[[Path], None]
) -> None:
    assert "graphs of 1,0" in check_embedded_index(folder / "chroma").detail
    harm(graph(folder))
    finding = check_embedded_index(folder / "chroma")
    assert finding.status == "warning"
    assert HARMS[harm] in finding.detail
    assert "builds it again" in finding.remedy


@pytest.mark.parametrize("harm", [cut_header, cut_links, cut_vectors, zeroed_vectors])
def test_a_damaged_index_is_built_again_while_clickhouse_answers(
    folder: Path, opened: Opened, harm: Callable[[Path], None]
) -> None:
    harm(graph(folder))
    memory = opened()
    assert len(search(memory, EXPERIMENTS, "price", limit=5).hits) == 5
    memory.start()
    assert len(search(memory, EXPERIMENTS, "price", limit=5).hits) == 5
    assert_whole(memory)
    finding = check_embedded_index(folder / "chroma")
    assert (finding.status, HARMS[harm] in finding.detail) == ("ok", True)


def test_whole_files_with_other_vectors_are_seen_by_a_sample(folder: Path, opened: Opened) -> None:
    data, header = graph(folder) / "data_level0.bin", graph(folder) / "header.bin"
    fields = LAYOUT.unpack(header.read_bytes())
    rows = np.frombuffer(bytearray(data.read_bytes()), dtype=np.uint8).reshape(fields[3], fields[4])
    place = slice(fields[6], fields[5])
    rows[:, place] = np.roll(rows[:, place], 1, axis=0)  # everybody has the neighbour's
    data.write_bytes(rows.tobytes())
    assert check_embedded_index(folder / "chroma").status == "ok"
    memory = opened().start()
    assert_whole(memory)
    assert "could not be used" in last_damage(folder / "chroma")


UNCHECKED = """
import neonblue.memory.index_worker as worker
worker.check_files = lambda folder: 0
worker.SPARE_BYTES = 32 << 20
worker.main()
"""


@pytest.mark.parametrize("harm", [cut_header, cut_links])
def test_a_library_that_crashes_or_writes_without_end_takes_nothing_along(
    folder: Path,
    opened: Opened,
    harm: Callable[[Path], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Damage that no check sees, made by leaving the check of files out."""
    monkeypatch.setattr(index_process, "COMMAND", (sys.executable, "-P", "-c", UNCHECKED))
    harm(graph(folder))
    memory = opened().start()
    assert memory.index_states.wait_until_ready(SECONDS)
    for start in range(0, 1200, 200):
        more = [
            Document(document_id=f"m{number:04}", text=f"test {9000 + number}", metadata={})
            for number in range(start, start + 200)
        ]
        memory.remember(EXPERIMENTS, more, embed=vectors_of)
        assert len(search(memory, EXPERIMENTS, "price", limit=5).hits) == 5
        size = sum(file.stat().st_size for file in (folder / "chroma").rglob("*"))
        assert size < 300 << 20
    assert memory.index_states.wait_until_ready(SECONDS)
    assert len(memory.index.hashes("experiments")) == COUNT + 1200
    if harm is cut_header:
        assert "ended by signal" in last_damage(folder / "chroma")


def test_a_mark_of_an_opening_that_never_ended_discards_the_folder(
    folder: Path, opened: Opened
) -> None:
    before = own_folder(folder / "chroma")
    (before / OPENING).touch()
    assert "ended while it opened" in check_embedded_index(folder / "chroma").detail
    assert_whole(opened().start())
    assert not before.exists()
    assert "ended while it opened" in last_damage(folder / "chroma")


def test_a_process_that_is_killed_while_it_opens_is_replaced(opened: Opened) -> None:
    for _ in range(3):
        memory = opened().start()
        while (pid := memory.index.pid) is None:  # type: ignore[union-attr]
            time.sleep(0.001)
        time.sleep(random.uniform(0, 1.5))
        os.kill(pid, signal.SIGKILL)
        assert len(search(memory, EXPERIMENTS, "price", limit=5).hits) == 5
        assert_whole(memory)
        memory.close()


def test_a_process_that_is_killed_under_queries_and_writes_is_replaced(opened: Opened) -> None:
    memory = opened().start()
    ended, failures = threading.Event(), []

    def ask() -> None:
        while not ended.is_set():
            try:
                assert len(search(memory, EXPERIMENTS, "price", limit=5).hits) == 5
            except BaseException as error:  # noqa: BLE001 - shown by the test
                failures.append(error)
                return

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for thread in asking:
        thread.start()
    written = COUNT
    for _ in range(3):
        assert memory.index_states.wait_until_ready(SECONDS)
        assert isinstance(memory.index, IndexProcess)
        if (pid := memory.index.pid) is not None:
            os.kill(pid, signal.SIGKILL)
        more = documents(written + 40)[written:]
        assert memory.remember(EXPERIMENTS, more, embed=vectors_of) == 40
        written += 40
    ended.set()
    for thread in asking:
        thread.join(60)
    assert failures == []
    assert_whole(memory, written)


def test_a_process_that_hangs_is_replaced(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = opened().start()
    assert_whole(memory)
    assert isinstance(memory.index, IndexProcess)
    hanging = memory.index.pid
    assert hanging is not None
    os.kill(hanging, signal.SIGSTOP)
    with monkeypatch.context() as short:
        short.setattr(index_process, "READ_SECONDS", 0.2)
        assert len(search(memory, EXPERIMENTS, "price", limit=5).hits) == 5
    assert_whole(memory)
    assert memory.index.pid not in (None, hanging)


LEFT_BEHIND = """
import sys
from pathlib import Path
from neonblue.memory.index_process import IndexProcess
index = IndexProcess(Path(sys.argv[1]), "m:1", ["experiments"], 384)
index.hashes("experiments")
print(index.pid, flush=True)
sys.stdin.read()
"""


def test_the_process_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", LEFT_BEHIND, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    state = Path(f"/proc/{int(parent.stdout.readline())}/stat")
    assert runs(state)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 30
    while runs(state):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def runs(state: Path) -> bool:
    try:
        return state.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_an_index_that_was_changed_in_every_way_is_whole(tmp_path: Path) -> None:
    index = IndexProcess(tmp_path, "m:1", ["experiments", "user_journeys"], 384)
    index.hashes("experiments")
    filled = embedded(2600, "m:1")
    index.upsert("experiments", [replace(item, vector=3 * item.vector) for item in filled])
    index.delete("experiments", [item.document.document_id for item in filled[200:900]])
    moved = [
        replace(item, document=replace(item.document, text=f"{item.document.text}, moved"))
        for item in filled[900:1400]
    ]
    index.upsert("experiments", [replace(item, vector=-item.vector) for item in moved])
    index.upsert("user_journeys", [replace(item, vector=filled[0].vector) for item in filled])
    index.close()
    assert check_files(own_folder(tmp_path)) >= 4000
    assert len(index.hashes("experiments")) == 1900
    assert last_damage(tmp_path) == ""
    index.close()


def test_an_index_too_small_for_a_graph_on_disk_is_whole(
    tmp_path: Path, embedder: Embedder
) -> None:
    """Below a thousand documents Chroma keeps vectors in its database alone."""
    place, few = tmp_path / "chroma", embedded(22, embedder.fingerprint)
    for start in range(3):
        index = IndexProcess(place, embedder.fingerprint, list(COLLECTIONS), embedder.dimension)
        known = index.hashes("experiments")
        assert len(known) == (22 if start else 0)
        index.upsert("experiments", few)
        ((nearest, similarity),) = index.query("experiments", few[7].vector, 1)
        assert (nearest, similarity) == ("d0007", pytest.approx(1.0, abs=1e-5))
        index.close()
        assert last_damage(place) == ""
    assert list(place.rglob("header.bin"))
    assert not list(place.rglob("index_metadata.pickle"))
