"""What other processes stored a moment ago, where several share a Chroma server.

Whoever ingests keeps the journeys that are under way to itself until they are idle, because
moving them in Chroma costs too much. Their state is in ClickHouse: those who search read it from
there, as often as they are asked, and drop it when the index has it.
"""

from __future__ import annotations

import logging
import threading
import time

from neonblue.errors import UnavailableError
from neonblue.memory.index_process import IndexProcess
from neonblue.memory.index_sync import IndexSync
from neonblue.memory.live_index import IDLE_SECONDS, IndexStates, Pending
from neonblue.memory.vector_index import IndexBrokenError, VectorIndex
from neonblue.stores.documents import DocumentChanges, Documents, EmbeddedDocument

LOOK_SECONDS = 0.5
# What is older than this was idle, and went to the index.
WINDOW_SECONDS = 2.5 * IDLE_SECONDS
# By now whoever stored it has brought it to the index; what is not there is brought from here.
FLUSHED_SECONDS = 1.5 * IDLE_SECONDS
CHECK_SECONDS = 5.0
CHECK_BATCH = 500
BRING_BATCH = 50

logger = logging.getLogger(__name__)


class RemotePending:
    """The pending documents of one collection that other processes stored. Safe between threads."""

    def __init__(
        self,
        documents: Documents,
        index: VectorIndex | IndexProcess,
        index_sync: IndexSync,
        states: IndexStates,
        *,
        collection: str,
        fingerprint: str,
        own: Pending,
    ) -> None:
        self.pending = Pending(own.dimension, most=own.most)
        self._documents, self._index = documents, index
        self._index_sync, self._states = index_sync, states
        self._collection, self._fingerprint, self._own = collection, fingerprint, own
        self._hashes: dict[str, str] = {}
        self._changes = DocumentChanges(documents, collection, fingerprint)
        self._looked = self._checked = float("-inf")
        self._looking = threading.Lock()

    def look(self, *, age_seconds: float = LOOK_SECONDS) -> Pending:
        """What was known so long ago at most; what was known before, while ClickHouse is away."""
        with self._looking:
            if time.monotonic() - self._looked >= age_seconds:
                self._looked = time.monotonic()
                try:
                    self._read()
                    self._check()
                except IndexBrokenError:
                    raise
                except UnavailableError as error:
                    logger.warning("what other processes stored was not read: %s", error)
        return self.pending

    def remove(self, document_ids: list[str]) -> None:
        """Drop documents: this process has a newer state, or erased them."""
        with self._looking:
            self._drop(document_ids)

    def _read(self) -> None:
        changed = self._changes.named(window_seconds=WINDOW_SECONDS)
        own = self._own.get(changed)
        theirs = [
            name
            for name, digest in changed.items()
            if name not in own or own[name].content_hash != digest
        ][-self.pending.most :]
        new = [name for name in theirs if self._hashes.get(name) != changed[name]]
        if new:
            embedded = self._documents.embedded(self._collection, self._fingerprint, new)
            self._make_room(embedded, set(theirs))
            self.pending.put(embedded)
            self._hashes.update(
                (item.document.document_id, item.document.content_hash) for item in embedded
            )
        self._changes.read()

    def _make_room(self, embedded: list[EmbeddedDocument], latest: set[str]) -> None:
        """Drop those that changed longest ago, but none of the ``latest``, of which all fit."""
        added = sum(item.document.document_id not in self._hashes for item in embedded)
        lacking = added - self.pending.room
        if lacking > 0:
            oldest_first = self.pending.idle(self.pending.most, seconds=0.0)
            names = [item.document.document_id for item in oldest_first]
            self._drop([name for name in names if name not in latest][:lacking])

    def _check(self) -> None:
        """Drop what the index has by now, and what was erased; bring what was left behind."""
        checked_now = time.monotonic() - self._checked < CHECK_SECONDS
        if checked_now or not self._states.is_ready(self._collection):
            return
        self._checked = time.monotonic()
        idle = self.pending.idle(CHECK_BATCH, seconds=FLUSHED_SECONDS)
        if not idle:
            return
        names = [item.document.document_id for item in idle]
        wanted = self._documents.hashes(self._collection, self._fingerprint, names)
        there = self._index.hashes_of(self._collection, names)
        late = [name for name in names if name in wanted and there.get(name) != wanted[name]]
        brought = late[:BRING_BATCH]
        self._index_sync.bring(self._collection, brought)
        self._drop([*(set(names) - set(late)), *brought])

    def _drop(self, document_ids: list[str]) -> None:
        self.pending.remove(document_ids)
        for name in document_ids:
            self._hashes.pop(name, None)
