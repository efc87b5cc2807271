"""The memory at 100,000 documents: rebuild, recall of the index, and what a search costs.

    python -m benchmarks.memory_speed [DOCUMENTS] [FOLDER]

The index runs in a process of its own; beside it, a copy is opened in this one, as the floor and to
see what the process costs. Vectors are MiniLM's of varied sentences, mixed pairwise and blurred a
little, so that they lie as texts' vectors do. Recall is against exact cosine distance in
ClickHouse. A search's floor is a bare Chroma query plus one embedding; all ways of searching are
timed in the same run, interleaved, with new queries each time, so that no cache helps. A FOLDER
keeps what was built, and a second run on it only measures.
"""

from __future__ import annotations

import random
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neonblue.memory.collections import EXPERIMENTS
from neonblue.memory.embedding import Embedder, open_embedder
from neonblue.memory.index_folder import own_folder
from neonblue.memory.index_process import IndexProcess
from neonblue.memory.library import Memory
from neonblue.memory.search import search
from neonblue.memory.vector_index import VectorIndex
from neonblue.stores import open_store
from neonblue.stores.documents import Document, EmbeddedDocument

WHAT = ("price", "checkout", "headline", "button", "search", "review", "e-mail", "menu", "form")
HOW = ("shorter", "bolder", "personal", "cheaper", "earlier", "hidden", "doubled", "simplified")
WHERE = ("on mobile", "for new users", "in the app", "at night", "for members", "in Spain")
WHY = ("to raise revenue", "to cut churn", "so that more people return", "to save support time")
SENTENCES = 1500
SAVE_BATCH = 5000
QUERIES = 100
# By name, what a search is narrowed to.
FILTERS: dict[str, dict[str, Any] | None] = {
    "hybrid search": None,
    "a ninth, by type": {"type": "price"},
    "a half, by number": {"sample_size": {"gte": 50_000}},
    "a hundredth, by number": {"sample_size": {"lt": 1_000}},
    "a ninth of a hundredth": {"type": "price", "sample_size": {"lt": 1_000}},
}


def main(count: int, folder: Path | None) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        place = folder or Path(temporary)
        store = open_store(f"chdb://{place}/clickhouse")
        embedder = open_embedder()
        if store.documents.count("experiments") == 0:
            for batch in documents(embedder, count):
                store.documents.save("experiments", batch)
        memory = Memory(store.documents, embedder, place / "chroma")
        read_contents(memory)
        settle(memory)
        print(f"recall@10 of the index against exact: {recall(memory):.3f}")
        copy = Path(shutil.copytree(own_folder(place / "chroma"), place / "copy"))
        here = open_here(memory, copy)
        for name, values in queries(memory, here).items():
            print(f"{name:34} p50 {milliseconds(values)}")
        times(memory, here)
        here.close()
        shutil.rmtree(copy)
        memory.close()
        store.close()


def settle(memory: Memory) -> None:
    """Wait until the index is level with ClickHouse, and say how long that took."""
    began = time.perf_counter()
    memory.start()
    while not memory.index_states.is_ready("experiments"):
        time.sleep(0.2)
    count = memory.documents.count("experiments")
    print(f"{count:,} documents: index ready after {time.perf_counter() - began:.1f} s")
    assert isinstance(memory.index, IndexProcess)
    print(
        f"its process has {resident_mb(memory.index.pid):.0f} MB, this one {resident_mb():.0f} MB"
    )


def open_here(memory: Memory, folder: Path) -> VectorIndex:
    """Open an index in this process, and say what that costs in time and memory."""
    before, began = resident_mb(), time.perf_counter()
    index = VectorIndex(folder, memory.embedder.fingerprint)
    index.probe("experiments", memory.embedder.dimension)
    opened = time.perf_counter() - began
    index.hashes("experiments")
    print(
        f"opened in this process in {opened:.1f} s, compared after "
        f"{time.perf_counter() - began:.1f} s, {resident_mb() - before:.0f} MB more"
    )
    return index


def queries(memory: Memory, here: VectorIndex) -> dict[str, list[float]]:
    """Seconds of the ten nearest alone, asked in turn of both."""
    taken: dict[str, list[float]] = {"query in its process": [], "query in this process": []}
    for text in sentences(QUERIES, seed=6):
        vector = memory.embedder.embed([text])[0]
        for name, index in zip(taken, (memory.index, here), strict=True):
            taken[name].append(timed(lambda i=index, v=vector: i.query("experiments", v, 10)))
    return taken


def read_contents(memory: Memory) -> None:
    """Read words and facts, and say what that costs in time and memory."""
    before, began = resident_mb(), time.perf_counter()
    while memory.contents(EXPERIMENTS) is None:
        time.sleep(0.1)
    seconds = time.perf_counter() - began
    grown = resident_mb() - before
    print(f"words, facts and small vectors read in {seconds:.1f} s, {grown:.0f} MB more")


def resident_mb(pid: int | None = None) -> float:
    """What a process, by default this one, has in memory, in megabytes."""
    pages = int(Path(f"/proc/{pid or 'self'}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def sentences(count: int, seed: int) -> list[str]:
    """Varied one-line descriptions."""
    numbers = random.Random(seed)
    return [
        f"{numbers.choice(HOW)} {numbers.choice(WHAT)} and {numbers.choice(HOW)} "
        f"{numbers.choice(WHAT)} {numbers.choice(WHERE)} {numbers.choice(WHY)}, "
        f"version {numbers.randrange(10_000)}"
        for _ in range(count)
    ]


def documents(embedder: Embedder, count: int) -> Iterator[list[EmbeddedDocument]]:
    """Documents in batches, each with a vector between two real ones."""
    texts = sentences(SENTENCES, seed=1)
    real, random_, more = embedder.embed(texts), np.random.default_rng(2), random.Random(5)
    for start in range(0, count, SAVE_BATCH):
        rows = range(start, min(start + SAVE_BATCH, count))
        a, b = random_.integers(SENTENCES, size=(2, len(rows)))
        mixed = 0.7 * real[a] + 0.3 * real[b] + 0.02 * random_.normal(size=real[a].shape)
        unit = (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32)
        yield [
            EmbeddedDocument(
                document=Document(
                    document_id=f"e{row:06}",
                    text=". ".join([texts[first], texts[second], *more.sample(texts, 3)]),
                    metadata={"type": WHAT[row % len(WHAT)], "sample_size": float(row)},
                ),
                vector=vector,
                fingerprint=embedder.fingerprint,
            )
            for row, first, second, vector in zip(rows, a, b, unit, strict=True)
        ]


def recall(memory: Memory) -> float:
    """The share of the exact ten nearest that the index finds."""
    found = []
    for text in sentences(30, seed=3):
        vector = memory.embed_query(text)
        exact = memory.documents.nearest(
            "experiments", vector.tolist(), fingerprint=memory.embedder.fingerprint, limit=10
        )
        wanted = {document.document_id for document, _ in exact}
        found.append(
            len(wanted & {name for name, _ in memory.live_index.nearest(EXPERIMENTS, vector, 10)})
        )
    return sum(found) / (10 * len(found))


def times(memory: Memory, here: VectorIndex) -> None:
    """Medians of a search, plain and filtered, beside its floor."""
    taken: dict[str, list[float]] = {name: [] for name in ("floor", *FILTERS)}
    for text in sentences(QUERIES, seed=4):
        taken["floor"].append(timed(lambda text=text: bare(memory, here, text + " floor")))
        for name, filters in FILTERS.items():
            query = f"{text} {name}"
            taken[name].append(
                timed(
                    lambda query=query, filters=filters: search(
                        memory, EXPERIMENTS, query, limit=10, filters=filters
                    )
                )
            )
    floor = statistics.median(taken["floor"])
    for name, values in taken.items():
        times_floor = statistics.median(values) / floor
        print(f"{name:34} p50 {milliseconds(values)}, {times_floor:.2f}x")


def bare(memory: Memory, here: VectorIndex, text: str) -> NDArray[np.float32]:
    """What any semantic search costs at least: an embedding, and Chroma's ten with their texts."""
    vector = memory.embedder.embed([text])[0]
    here._collection("experiments").query(query_embeddings=[vector], n_results=10)
    return vector


def timed(work: Callable[[], object]) -> float:
    """Seconds that it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def milliseconds(values: list[float]) -> str:
    """Median and 90th percentile for people."""
    ordered = sorted(values)
    late = ordered[int(0.9 * len(ordered))]
    return f"{1000 * statistics.median(ordered):.1f} ms (p90 {1000 * late:.1f})"


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 100_000,
        Path(sys.argv[2]) if len(sys.argv) > 2 else None,
    )
