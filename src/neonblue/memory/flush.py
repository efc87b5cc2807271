"""Brings pending documents to Chroma when they are idle, or when there is no room for more."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping

from neonblue.errors import UnavailableError
from neonblue.memory.index_process import IndexProcess
from neonblue.memory.index_sync import IndexSync
from neonblue.memory.live_index import IDLE_SECONDS, IndexStates, Pending
from neonblue.memory.vector_index import IndexBrokenError, VectorIndex

logger = logging.getLogger(__name__)

BATCH = 50
POLL_SECONDS = 1.0
# Resting as long as writing took leaves a core to what must be quick; not so when room gets short.
SHORT_OF_ROOM = 0.25
WAIT_SECONDS = 0.05


class Flush:
    """A thread that begins with the first pending document. ``paused`` keeps it from writing.

    ``alone`` when no other process writes to the index.
    """

    def __init__(
        self,
        pending: Mapping[str, Pending],
        index: VectorIndex | IndexProcess,
        index_sync: IndexSync,
        states: IndexStates,
        *,
        alone: bool,
    ) -> None:
        self._pending, self._index = pending, index
        self._index_sync, self._states, self._alone = index_sync, states, alone
        self.paused = threading.RLock()
        self._stopping = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def make_room(self, collection: str, count: int) -> None:
        """Return when so many documents fit; while they do not, the caller is held back."""
        self._start()
        while self._pending[collection].room < count and not self._stopping.is_set():
            if not self._leave_to_check(collection, count):
                self._stopping.wait(WAIT_SECONDS)

    def _leave_to_check(self, collection: str, count: int) -> bool:
        """Drop some while the index is not ready: ClickHouse answers, and the check that makes it
        ready, which ends under the same lock, writes them."""
        pending = self._pending[collection]
        with self._index_sync.writing:
            if self._states.is_ready(collection):
                return False
            pending.flushed(pending.idle(count, seconds=0.0))
            return True

    def stop(self) -> None:
        """End the thread after the batch under way; what is left is found at the next start."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._stopping.is_set():
                self._thread = threading.Thread(
                    target=self._run, name="neonblue-memory-flush", daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        while not self._stopping.is_set():
            started = time.monotonic()
            written = [self._flush(name) for name in self._pending]
            took = time.monotonic() - started
            short = any(each.room < SHORT_OF_ROOM * each.most for each in self._pending.values())
            self._stopping.wait(POLL_SECONDS if not any(written) else 0.0 if short else took)

    def _flush(self, collection: str) -> int:
        """Write one batch of what is idle; returns how many documents that were."""
        pending = self._pending[collection]
        short = pending.room < SHORT_OF_ROOM * pending.most
        with self.paused:
            if not self._states.is_ready(collection):
                return 0
            batch = pending.idle(BATCH, seconds=0.0 if short else IDLE_SECONDS)
            try:
                if self._alone:
                    self._index.upsert(collection, batch)
                else:  # another process may have stored a newer state, or erased it
                    names = [each.document.document_id for each in batch]
                    self._index_sync.bring(collection, names)
            except IndexBrokenError as error:
                self._states.report_broken(error)
                return 0
            except UnavailableError as error:
                logger.warning("pending documents stay pending: %s", error)
                return 0
            pending.flushed(batch)
        return len(batch)
