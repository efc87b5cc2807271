"""The embedded index in a process of its own: what the process that owns the data sees of it.

Whatever happens to the index, this process only hears ``IndexBrokenError``: searches are answered
from ClickHouse, and the index sync starts another process. An index that is damaged, or whose
process crashed while it was opened or twice in a short time, is thrown away.

The other side of the pipes is ``index_worker``. A frame is two lengths (32 bits each,
little-endian), that much JSON, and that much of vectors as 32-bit floats. Neither side trusts the
other with code: the other may have lost its mind.
"""

from __future__ import annotations

import json
import logging
import os
import select
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import msgspec

from neonblue.memory.index_folder import LOG, OPENING, begin_anew, own_folder
from neonblue.memory.vector_index import WRITE_BATCH, IndexBrokenError, read_pages
from neonblue.stores.document_filter import Condition
from neonblue.stores.documents import Document, EmbeddedDocument

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# -P keeps the working directory off the module path: what lies there is not ours.
COMMAND = (sys.executable, "-P", "-m", "neonblue.memory.index_worker")
OPEN_SECONDS = 600.0
CLOSE_SECONDS = 10.0
READ_SECONDS = 30.0
WRITE_SECONDS = 180.0
# Crashes that come sooner after one another are the index's fault.
CALM_SECONDS = 600.0
LENGTHS = struct.Struct("<II")

logger = logging.getLogger(__name__)


class Frame(NamedTuple):
    """One message: a JSON object and the bytes of its vectors."""

    head: dict[str, Any]
    block: bytes = b""


def frame_bytes(frame: Frame) -> bytes:
    """One message as it goes over the pipe."""
    head = json.dumps(frame.head, default=_plain).encode()
    return LENGTHS.pack(len(head), len(frame.block)) + head + frame.block


def read_frame(stream: IO[bytes]) -> Frame | None:
    """The next message, None at the end; raises ``ValueError`` for what is none."""
    lengths = stream.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    head_bytes, block_bytes = LENGTHS.unpack(lengths)
    head, block = stream.read(head_bytes), stream.read(block_bytes)
    if len(head) + len(block) < head_bytes + block_bytes:
        return None
    parsed = json.loads(head)
    if not isinstance(parsed, dict):
        raise ValueError("a message has to be an object")
    return Frame(parsed, block)


def _plain(item: Document | Condition) -> dict[str, Any]:
    """A document without when it was recorded, or a condition."""
    return {name: value for name, value in asdict(item).items() if name != "recorded_at"}


def pack_vectors(vectors: Sequence[NDArray[np.float32]]) -> bytes:
    """The bytes of vectors of one length, one after the other."""
    import numpy as np

    return np.ascontiguousarray(np.array(vectors, dtype="<f4")).tobytes()


def unpack_vectors(block: bytes, count: int) -> NDArray[np.float32]:
    """So many vectors, one a row."""
    import numpy as np

    return np.frombuffer(block, dtype="<f4").reshape(count, -1)


class DamagedIndexError(Exception):
    """The folder must not be opened, or opening it ended the process."""


class IndexChild:
    """One process and the answers that are awaited from it."""

    def __init__(self, place: Path, opening: dict[str, Any]) -> None:
        self._folder = own_folder(place)
        with (place / LOG).open("wb") as log:
            self.process = subprocess.Popen(
                COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self.closed = False
        assert self.process.stdin is not None
        os.set_blocking(self.process.stdin.fileno(), False)
        self._writing = threading.Lock()
        self._guard = threading.Lock()
        self._waiting: dict[int, Future[Any]] = {}
        self._last_id = 0
        self._ended = threading.Event()
        threading.Thread(target=self._read, name="neonblue-index-answers", daemon=True).start()
        opening = {"do": "open", "folder": str(self._folder), **opening}
        self._open = self._send(Frame(opening), OPEN_SECONDS)

    @property
    def alive(self) -> bool:
        """Whether it may still answer."""
        return not self._ended.is_set()

    @property
    def is_open(self) -> bool:
        """Whether the index was opened. True of one that ended meanwhile: asking it says so."""
        return self._open.done() and self._open.exception() is None

    @property
    def ending(self) -> str:
        """How it ended, for people."""
        status = self.process.poll()
        if status is None:
            return "it was lost"
        return f"ended by signal {-status}" if status < 0 else f"ended with status {status}"

    def wait_until_open(self) -> None:
        """Return when the index is open. Raises ``DamagedIndexError`` when it must be thrown away
        and ``IndexBrokenError`` when it may be tried again."""
        try:
            self._result(self._open, OPEN_SECONDS)
        except IndexBrokenError as error:
            if self.alive or self.closed:
                self.kill()
                raise
            if not (self._folder / OPENING).exists():
                raise  # it did not come to the index
            raise DamagedIndexError(f"opening it failed, the process {self.ending}") from error

    def ask(self, frame: Frame, seconds: float) -> Any:
        """The result of a request; a process that does not answer in time is ended."""
        return self._result(self._send(frame, seconds), seconds)

    def close(self) -> None:
        """Let it finish, and end it if it does not."""
        self.closed = True
        with suppress(OSError):
            assert self.process.stdin is not None
            self.process.stdin.close()
        if not self._ended.wait(CLOSE_SECONDS):
            self.kill()

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self._ended.wait(CLOSE_SECONDS)

    def _send(self, frame: Frame, seconds: float) -> Future[Any]:
        future: Future[Any] = Future()
        with self._guard:
            self._last_id += 1
            number = self._last_id
            if self._ended.is_set():
                future.set_exception(self._lost())
                return future
            self._waiting[number] = future
        # Whether all of it was taken is seen by the answer, or by none.
        self._write(frame_bytes(Frame({**frame.head, "id": number}, frame.block)), seconds)
        return future

    def _write(self, message: bytes, seconds: float) -> None:
        """Write to a pipe that may be full because the other side hangs."""
        deadline = time.monotonic() + seconds
        if not self._writing.acquire(timeout=seconds):
            return
        try:
            assert self.process.stdin is not None
            pipe, rest = self.process.stdin.fileno(), memoryview(message)
            room = select.poll()
            room.register(pipe, select.POLLOUT)
            while rest and room.poll(max(0.0, deadline - time.monotonic()) * 1000):
                with suppress(BlockingIOError):
                    rest = rest[os.write(pipe, rest) :]
            if rest:
                self.process.kill()  # it would take the next request for the rest of this one
        except (OSError, ValueError):  # closed, or the process ended
            pass
        finally:
            self._writing.release()

    def _result(self, future: Future[Any], seconds: float) -> Any:
        try:
            return future.result(seconds)
        except FutureTimeoutError:
            self.kill()
            raise IndexBrokenError(
                f"the vector index did not answer within {seconds:.0f} seconds: searches are "
                "answered from ClickHouse while it is started again"
            ) from None

    def _read(self) -> None:
        assert self.process.stdout is not None
        try:
            while (frame := read_frame(self.process.stdout)) is not None:
                self._take(frame.head)
        except (OSError, ValueError, KeyError, TypeError):
            logger.warning("the process of the vector index answered nonsense and is ended")
        self.process.kill()
        self.process.wait()
        with self._guard:
            self._ended.set()
            lost, self._waiting = self._waiting, {}
        for future in lost.values():
            future.set_exception(self._lost())

    def _take(self, head: dict[str, Any]) -> None:
        with self._guard:
            future = self._waiting.pop(int(head["id"]))
        if "damaged" in head:
            future.set_exception(DamagedIndexError(str(head["damaged"])))
        elif "broken" in head:
            future.set_exception(IndexBrokenError(str(head["broken"])))
        else:
            future.set_result(head["result"])

    def _lost(self) -> IndexBrokenError:
        return IndexBrokenError(
            f"the process of the vector index {self.ending}: searches are answered from ClickHouse "
            "while it is started again"
        )


class IndexProcess:
    """The same as ``VectorIndex`` offers. Safe between threads.

    ``hashes`` comes first: what an index has must be known before it is asked, also after a crash.
    """

    def __init__(
        self, place: Path, fingerprint: str, collections: Sequence[str], dimension: int
    ) -> None:
        self.place = place
        self._opening = {
            "fingerprint": fingerprint,
            "collections": list(collections),
            "dimension": dimension,
        }
        self._guard = threading.Lock()
        self._child: IndexChild | None = None
        self._crashed_at = float("-inf")

    @property
    def pid(self) -> int | None:
        """The process that has the index open, if there is one now."""
        child = self._child
        return child.process.pid if child is not None and child.alive else None

    def query(
        self,
        collection: str,
        vector: NDArray[np.float32],
        limit: int,
        conditions: Sequence[Condition] = (),
    ) -> list[tuple[str, float]]:
        """Ids and cosine similarities of the nearest documents, nearest first.

        With ``ne``, Chroma also takes documents without the field: the caller checks again.
        """
        head = {"do": "query", "limit": limit, "conditions": list(conditions)}
        found = self._ask(collection, head, block=pack_vectors([vector]))
        return msgspec.convert(found, list[tuple[str, float]])

    def get(self, collection: str, document_ids: Sequence[str]) -> dict[str, Document]:
        """Documents as the index has them, by id."""
        if not document_ids:
            return {}
        found = self._ask(collection, {"do": "get", "ids": list(document_ids)})
        return msgspec.convert(found, dict[str, Document])

    def similarities(
        self, collection: str, vector: NDArray[np.float32], document_ids: Sequence[str]
    ) -> dict[str, float]:
        """The cosine similarity of each named document that the index has."""
        if not document_ids:
            return {}
        head = {"do": "similarities", "ids": list(document_ids)}
        found = self._ask(collection, head, block=pack_vectors([vector]))
        return msgspec.convert(found, dict[str, float])

    def upsert(self, collection: str, documents: Sequence[EmbeddedDocument]) -> int:
        """Add or replace documents; returns how many were not there already, just as they are."""
        written = 0
        for start in range(0, len(documents), WRITE_BATCH):
            batch = documents[start : start + WRITE_BATCH]
            head = {"do": "upsert", "documents": [item.document for item in batch]}
            block = pack_vectors([item.vector for item in batch])
            written += int(self._ask(collection, head, block=block, seconds=WRITE_SECONDS))
        return written

    def count(self, collection: str) -> int:
        """How many documents the index has."""
        return int(self._ask(collection, {"do": "count"}))

    def delete(self, collection: str, document_ids: Sequence[str]) -> None:
        """Remove documents; those that are not there are no error."""
        for start in range(0, len(document_ids), WRITE_BATCH):
            some = list(document_ids[start : start + WRITE_BATCH])
            self._ask(collection, {"do": "delete", "ids": some}, seconds=WRITE_SECONDS)

    def hashes(
        self, collection: str, stopped: Callable[[], bool] = lambda: False
    ) -> dict[str, str]:
        """The content hash of every document in the index, by id; some once ``stopped`` is true.

        Starts the process and opens the index where need be; nothing else does.
        """
        self._open()

        def page(offset: int) -> dict[str, str]:
            head = {"do": "hashes_page", "offset": offset}
            found = self._ask(collection, head, seconds=WRITE_SECONDS)
            return msgspec.convert(found, dict[str, str])

        return read_pages(page, stopped)

    def hashes_of(self, collection: str, document_ids: Sequence[str]) -> dict[str, str]:
        """The content hashes of those named that are in the index, by id."""
        if not document_ids:
            return {}
        found = self._ask(collection, {"do": "hashes_of", "ids": list(document_ids)})
        return msgspec.convert(found, dict[str, str])

    def probe(self, collection: str, dimension: int) -> None:
        """Ask for one neighbour, which touches the graph; raises when that is broken."""
        import numpy as np

        vector = np.zeros(dimension, dtype=np.float32)
        vector[0] = 1.0
        self.query(collection, vector, 1)

    def discard(self) -> None:
        """Forget everything and begin again with empty collections."""
        self._discard(self._child, "it could not be used")

    def close(self) -> None:
        """End the process; ``hashes`` starts it again."""
        with self._guard:
            child, self._child = self._child, None
        if child is not None:
            child.close()

    def _ask(
        self,
        collection: str,
        head: dict[str, Any],
        *,
        block: bytes = b"",
        seconds: float | None = None,
    ) -> Any:
        """Ask the process that is there, and wait ``READ_SECONDS`` if nothing else is said.

        A new one may know less than ClickHouse: it is not asked before ``hashes`` was compared.
        """
        child = self._child
        if child is None or not child.is_open:
            raise IndexBrokenError(
                "the vector index is not open: searches are answered from ClickHouse until it is "
                "compared"
            )
        try:
            frame = Frame({"collection": collection, **head}, block)
            return child.ask(frame, seconds or READ_SECONDS)
        except IndexBrokenError:
            self._note_crash(child)
            raise

    def _open(self) -> None:
        """Start the process if it does not run; an index that is damaged is thrown away."""
        child = self._started()
        try:
            child.wait_until_open()
        except DamagedIndexError as error:
            self._discard(child, str(error))
            raise IndexBrokenError(
                f"the vector index was damaged ({error}): searches are answered from ClickHouse "
                "while it is built again"
            ) from error

    def _started(self) -> IndexChild:
        with self._guard:
            if self._child is None or not self._child.alive:
                try:
                    self._child = IndexChild(self.place, self._opening)
                except OSError as error:
                    raise IndexBrokenError(
                        f"the process of the vector index cannot be started ({error}): searches "
                        "are answered from ClickHouse"
                    ) from error
            return self._child

    def _discard(self, child: IndexChild | None, reason: str) -> None:
        with self._guard:
            if self._child is not child:
                return  # another thread did it already
            self._child = None
            if child is not None:
                child.kill()
            logger.warning("the vector index is built again from ClickHouse: %s", reason)
            try:
                begin_anew(self.place, reason)
            except OSError as error:
                raise IndexBrokenError(
                    f"no new vector index can be begun in {str(self.place)!r} ({error.strerror})"
                ) from error

    def _note_crash(self, child: IndexChild) -> None:
        """Throw the index away when its processes keep crashing."""
        if child.alive or child.closed:
            return
        with self._guard:
            if self._child is not child:
                return
            before, self._crashed_at = self._crashed_at, time.monotonic()
            again = self._crashed_at - before < CALM_SECONDS
            if not again:
                self._child = None
        if again:
            self._discard(child, f"its process crashed again ({child.ending})")
