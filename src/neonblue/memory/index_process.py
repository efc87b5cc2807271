"""The embedded index in a process of its own, seen from the process that owns the data.

Whatever happens to the index, this process only hears ``IndexBrokenError``: searches are answered
from ClickHouse, and the index sync starts another process. An index that is damaged, or whose
process crashed while it was opened or twice in a short time, is thrown away.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neonblue.memory.index_child import DamagedIndexError, IndexChild
from neonblue.memory.index_folder import begin_anew
from neonblue.memory.index_frames import (
    Frame,
    pack_conditions,
    pack_document,
    pack_vectors,
    unpack_document,
    unpack_pairs,
    unpack_texts,
)
from neonblue.memory.vector_index import WRITE_BATCH, IndexBrokenError, read_pages
from neonblue.stores.document_filter import Condition
from neonblue.stores.documents import Document, EmbeddedDocument

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

READ_SECONDS = 30.0
WRITE_SECONDS = 180.0
# Crashes that come sooner after one another are the index's fault.
CALM_SECONDS = 600.0

logger = logging.getLogger(__name__)


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
        head = {
            "do": "query",
            "collection": collection,
            "limit": limit,
            "conditions": pack_conditions(conditions),
        }
        return unpack_pairs(self._ask(head, block=pack_vectors([vector])))

    def get(self, collection: str, document_ids: Sequence[str]) -> dict[str, Document]:
        """Documents as the index has them, by id."""
        if not document_ids:
            return {}
        head = {"do": "get", "collection": collection, "ids": list(document_ids)}
        found = [unpack_document(item) for item in self._ask(head)]
        return {document.document_id: document for document in found}

    def similarities(
        self, collection: str, vector: NDArray[np.float32], document_ids: Sequence[str]
    ) -> dict[str, float]:
        """The cosine similarity of each named document that the index has."""
        if not document_ids:
            return {}
        head = {"do": "similarities", "collection": collection, "ids": list(document_ids)}
        found = self._ask(head, block=pack_vectors([vector]))
        return dict(unpack_pairs([*found.items()]))

    def upsert(self, collection: str, documents: Sequence[EmbeddedDocument]) -> int:
        """Add or replace documents; returns how many were not there already, just as they are."""
        written = 0
        for start in range(0, len(documents), WRITE_BATCH):
            batch = documents[start : start + WRITE_BATCH]
            head = {
                "do": "upsert",
                "collection": collection,
                "documents": [pack_document(item.document) for item in batch],
            }
            block = pack_vectors([item.vector for item in batch])
            written += int(self._ask(head, block=block, seconds=WRITE_SECONDS))
        return written

    def count(self, collection: str) -> int:
        """How many documents the index has."""
        return int(self._ask({"do": "count", "collection": collection}))

    def delete(self, collection: str, document_ids: Sequence[str]) -> None:
        """Remove documents; those that are not there are no error."""
        for start in range(0, len(document_ids), WRITE_BATCH):
            some = list(document_ids[start : start + WRITE_BATCH])
            head = {"do": "delete", "collection": collection, "ids": some}
            self._ask(head, seconds=WRITE_SECONDS)

    def hashes(
        self, collection: str, stopped: Callable[[], bool] = lambda: False
    ) -> dict[str, str]:
        """The content hash of every document in the index, by id; some once ``stopped`` is true.

        Starts the process and opens the index where need be; nothing else does.
        """

        self._open()

        def page(offset: int) -> dict[str, str]:
            head = {"do": "hashes_page", "collection": collection, "offset": offset}
            return unpack_texts(self._ask(head, seconds=WRITE_SECONDS))

        return read_pages(page, stopped)

    def hashes_of(self, collection: str, document_ids: Sequence[str]) -> dict[str, str]:
        """The content hashes of those named that are in the index, by id."""
        if not document_ids:
            return {}
        head = {"do": "hashes_of", "collection": collection, "ids": list(document_ids)}
        return unpack_texts(self._ask(head))

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
        self, head: dict[str, Any], *, block: bytes = b"", seconds: float | None = None
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
            return child.ask(Frame(head, block), seconds or READ_SECONDS)
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
