"""What a collection holds, in this process: its words and its facts, read from ClickHouse.

The first reading of a large collection takes seconds; it runs in a thread, and until it is done
searches go without: by meaning alone, filtered by Chroma.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Sequence

from neonblue.errors import UnavailableError
from neonblue.memory.changes import Changes
from neonblue.memory.collections import Collection
from neonblue.memory.fact_table import Facts, FactTable
from neonblue.memory.keyword_index import KeywordIndex
from neonblue.stores.documents import Documents, EmbeddedDocument

# A question waits this long for the first reading.
PATIENCE_SECONDS = 2.0
# How old the contents may be when other processes write too.
READ_SECONDS = 2.0
READ_BATCH = 2000
PUT_BATCH = 100

logger = logging.getLogger(__name__)


class Contents:
    """Words and facts of one collection; ``alone`` when no other process writes to it."""

    def __init__(
        self,
        documents: Documents,
        collection: Collection,
        *,
        fingerprint: str,
        dimension: int,
        alone: bool,
    ) -> None:
        self.words = KeywordIndex()
        self.facts = FactTable(collection.fields, dimension)
        self._documents, self._name = documents, collection.name
        self._fingerprint, self._alone = fingerprint, alone
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._read = threading.Event()
        self._closed = threading.Event()
        self._reader: threading.Thread | None = None
        self._changed: set[str] = set()
        self._changes = Changes(documents, collection.name, fingerprint)
        self._read_at = 0.0

    def start(self) -> None:
        """Begin to read in the background; calling again changes nothing."""
        with self._lock:
            if self._reader is None:
                self._reader = threading.Thread(
                    target=self._read_all, name=f"neonblue-read-{self._name}", daemon=True
                )
                self._reader.start()

    def close(self) -> None:
        """End the reading."""
        self._closed.set()
        if self._reader is not None:
            self._reader.join(10)

    def ready(self, patience_seconds: float = PATIENCE_SECONDS) -> bool:
        """Whether everything has been read; waits a little for the first reading."""
        self.start()
        if not self._read.wait(patience_seconds):
            return False
        if not self._alone and time.monotonic() - self._read_at > READ_SECONDS:
            self._read_new()
        return True

    def put(self, documents: Sequence[EmbeddedDocument]) -> None:
        """Documents that were just stored; no work before anything is read."""
        if self._reader is None:
            return
        with self._lock:
            self._note(item.document.document_id for item in documents)
            self._put(documents)

    def remove(self, document_ids: Sequence[str]) -> None:
        """Documents that were just erased."""
        if self._reader is None:
            return
        with self._lock:
            self._note(document_ids)
            self.words.remove(document_ids)
            self.facts.remove(document_ids)

    def _note(self, document_ids: Iterable[str]) -> None:
        if not self._read.is_set():
            self._changed.update(document_ids)

    def _read_all(self) -> None:
        try:
            # What others change while this reads is read again.
            self._changes.skip()
            for page in self._documents.embedded_pages(self._name, self._fingerprint):
                if self._closed.is_set():
                    return
                self._put_read(page)
            self._read_at = time.monotonic()
            self._read.set()
        except UnavailableError as error:
            logger.warning("words and facts of %s were not read: %s", self._name, error)
            self._reader = None  # the next search begins again
        finally:
            self._changed.clear()

    def _read_new(self) -> None:
        if not self._reading.acquire(blocking=False):
            return  # another search does it
        try:
            self._read_at = time.monotonic()
            names = [*self._changes.named()]
            for start in range(0, len(names), READ_BATCH):
                batch = names[start : start + READ_BATCH]
                self._put_read(self._documents.embedded(self._name, self._fingerprint, batch))
            self._changes.read()
        finally:
            self._reading.release()

    def _put_read(self, page: Sequence[EmbeddedDocument]) -> None:
        for start in range(0, len(page), PUT_BATCH):
            if self._closed.is_set():
                return
            with self._lock:
                # What changed meanwhile is newer than what was read.
                self._put(
                    [
                        item
                        for item in page[start : start + PUT_BATCH]
                        if item.document.document_id not in self._changed
                    ]
                )

    def _put(self, documents: Sequence[EmbeddedDocument]) -> None:
        self.words.add((item.document.document_id, item.document.text) for item in documents)
        self.facts.add(
            [
                Facts(
                    document_id=item.document.document_id,
                    metadata=item.document.metadata,
                    vector=item.vector,
                )
                for item in documents
            ]
        )
