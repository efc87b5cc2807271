"""The process of the embedded index: opens one folder and does what its parent asks.

Started by ``index_process`` as ``python -m neonblue.memory.index_worker``. Requests come on stdin
and are answered on stdout, several at a time; everything else that is written goes to a log. The
process may crash: nothing but the index is in it. It ends when its parent does, however that ended.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import msgspec

from neonblue.memory.index_files import LINKS, DamagedError, check_files
from neonblue.memory.index_folder import LOCK, OPENING
from neonblue.memory.index_process import Frame, frame_bytes, read_frame, unpack_vectors
from neonblue.memory.vector_index import IndexBrokenError, VectorIndex
from neonblue.stores.document_filter import Condition
from neonblue.stores.documents import Document, EmbeddedDocument

THREADS = 4
# One that was left behind by a killed parent ends within this.
LOCK_SECONDS = 20.0
LAST_SECONDS = 8.0
TICK_SECONDS = 5.0
# A library that holds the interpreter lock for so long will not come back.
HANG_SECONDS = 120.0
# No file may become larger than this and twice the largest that there is: damaged links were once
# written out without end.
SPARE_BYTES = 1 << 30


def main() -> None:
    """Serve the parent until it closes stdin."""
    import resource

    requests, answers = _take_stdio()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the parent ends it, when it has closed
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faulthandler.enable()
    worker, threads = IndexWorker(answers), ThreadPoolExecutor(THREADS)
    try:
        while (frame := read_frame(requests)) is not None:
            threads.submit(worker.answer, frame)
    finally:
        _leave_within(LAST_SECONDS)
        threads.shutdown(cancel_futures=True, wait=not worker.opening)
        worker.close()
        os._exit(0)


class IndexWorker:
    """Answers requests from several threads; the first one opens the index."""

    def __init__(self, answers: IO[bytes]) -> None:
        self._answers = answers
        self._writing = threading.Lock()
        self._index: VectorIndex | None = None
        self._marker: Path | None = None
        self._lock: IO[bytes] | None = None
        self._fingerprint = ""

    @property
    def opening(self) -> bool:
        """Whether the folder is being opened just now."""
        return self._marker is not None

    def answer(self, frame: Frame) -> None:
        """Do what is asked and answer with the result, or with what failed."""
        head = frame.head
        try:
            result = self._do(str(head["do"]), frame)
            said: dict[str, Any] = {"id": head["id"], "result": result}
        except DamagedError as error:
            said = {"id": head["id"], "damaged": str(error)}
        except IndexBrokenError as error:
            said = {"id": head["id"], "broken": str(error)}
        except BaseException as error:  # noqa: BLE001 - Rust's panics too: the parent waits
            said = {"id": head["id"], "broken": f"{type(error).__name__}: {error}"[:500]}
        with self._writing:
            self._answers.write(frame_bytes(Frame(said)))
            self._answers.flush()

    def close(self) -> None:
        """Close the index; one that is being opened is left, which is no damage."""
        if self._marker is not None:
            self._marker.unlink(missing_ok=True)
        elif self._index is not None:
            self._index.close()

    def _do(self, name: str, frame: Frame) -> Any:
        head = frame.head
        if name == "open":
            return self._open(
                Path(head["folder"]), head["fingerprint"], head["collections"], head["dimension"]
            )
        if self._index is None:
            raise IndexBrokenError("the index was not opened")
        collection = str(head["collection"])
        match name:
            case "query":
                vector = unpack_vectors(frame.block, 1)[0]
                conditions = msgspec.convert(head["conditions"], list[Condition])
                return self._index.query(collection, vector, int(head["limit"]), conditions)
            case "get":
                return self._index.get(collection, head["ids"])
            case "similarities":
                vector = unpack_vectors(frame.block, 1)[0]
                return self._index.similarities(collection, vector, head["ids"])
            case "upsert":
                return self._index.upsert(collection, self._embedded(frame))
            case "count":
                return self._index.count(collection)
            case "delete":
                return self._index.delete(collection, head["ids"])
            case "hashes_page":
                return self._index.hashes_page(collection, int(head["offset"]))
            case "hashes_of":
                return self._index.hashes_of(collection, head["ids"])
            case _:
                raise ValueError(f"there is no request {name!r}")

    def _embedded(self, frame: Frame) -> list[EmbeddedDocument]:
        documents = msgspec.convert(frame.head["documents"], list[Document])
        vectors = unpack_vectors(frame.block, len(documents))
        return [
            EmbeddedDocument(document=document, vector=vector, fingerprint=self._fingerprint)
            for document, vector in zip(documents, vectors, strict=True)
        ]

    def _open(
        self, folder: Path, fingerprint: str, collections: Sequence[str], dimension: int
    ) -> int:
        """Look at the files, open them under the mark, and ask each graph once."""
        self._lock = _locked(folder)
        _limit_files(folder)
        threading.Thread(target=_watch, args=(folder,), daemon=True).start()
        marker = folder / OPENING
        if marker.exists():
            raise DamagedError("a process ended while it opened the index")
        vectors = check_files(folder)
        index = VectorIndex(folder, fingerprint)
        self._fingerprint = fingerprint
        marker.touch(mode=0o600)
        self._marker = marker
        try:
            for collection in collections:
                index.probe(collection, dimension)
        finally:
            marker.unlink(missing_ok=True)
            self._marker = None
        self._index = index
        return vectors


def _take_stdio() -> tuple[IO[bytes], IO[bytes]]:
    """The pipes to the parent; whatever a library prints goes to the log."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, answers


def _locked(folder: Path) -> IO[bytes]:
    """Hold the folder: another process may still be about to end."""
    import fcntl

    lock = (folder / LOCK).open("wb")
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise IndexBrokenError("another process has the index open") from None
            time.sleep(0.05)
        else:
            return lock


def _watch(folder: Path) -> None:
    """Let the process end when it hangs, which a timer sees that needs no interpreter lock."""
    while True:
        faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
        time.sleep(TICK_SECONDS)
        _limit_files(folder)


def _limit_files(folder: Path) -> None:
    """Keep files from growing without end: links are always less than the rest."""
    import resource

    sizes = [size for name, size in _files(folder) if name != LINKS]
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = 2 * max(sizes, default=0) + SPARE_BYTES
    most = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))


def _files(folder: Path) -> list[tuple[str, int]]:
    try:
        return [(file.name, file.stat().st_size) for file in folder.rglob("*")]
    except OSError:  # removed meanwhile
        return []


def _leave_within(seconds: float) -> None:
    def leave() -> None:
        time.sleep(seconds)
        os._exit(1)

    threading.Thread(target=leave, daemon=True).start()


if __name__ == "__main__":
    main()
