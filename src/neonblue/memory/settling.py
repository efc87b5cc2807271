"""Brings fresh documents to Chroma when they have rested, or when there is no room for more."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping

from neonblue.errors import UnavailableError
from neonblue.memory.fresh import REST_SECONDS, Fresh
from neonblue.memory.index_process import IndexProcess
from neonblue.memory.upkeep import Upkeep
from neonblue.memory.vector_index import IndexBrokenError, VectorIndex

logger = logging.getLogger(__name__)

BATCH = 50
IDLE_SECONDS = 1.0
# Resting as long as writing took leaves a core to what must be quick; not so when room gets short.
SHORT_OF_ROOM = 0.25
WAIT_SECONDS = 0.05


class Settling:
    """A thread that begins with the first fresh document. ``paused`` keeps it from writing.

    ``alone`` when no other process writes to the index.
    """

    def __init__(
        self,
        fresh: Mapping[str, Fresh],
        index: VectorIndex | IndexProcess,
        upkeep: Upkeep,
        *,
        alone: bool,
    ) -> None:
        self._fresh, self._index, self._upkeep, self._alone = fresh, index, upkeep, alone
        self.paused = threading.RLock()
        self._stopping = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def make_room(self, collection: str, count: int) -> None:
        """Return when so many documents fit; while they do not, the caller is held back."""
        self._start()
        while self._fresh[collection].room < count and not self._stopping.is_set():
            if not self._leave_to_check(collection, count):
                self._stopping.wait(WAIT_SECONDS)

    def _leave_to_check(self, collection: str, count: int) -> bool:
        """Drop some while the index is not ready: ClickHouse answers, and the check that makes it
        ready, which ends under the same lock, writes them."""
        fresh = self._fresh[collection]
        with self._upkeep.writing:
            if self._upkeep.is_ready(collection):
                return False
            fresh.settled(fresh.rested(count, seconds=0.0))
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
                    target=self._run, name="neonblue-memory-settling", daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        while not self._stopping.is_set():
            started = time.monotonic()
            written = [self._settle(name) for name in self._fresh]
            took = time.monotonic() - started
            short = any(each.room < SHORT_OF_ROOM * each.most for each in self._fresh.values())
            self._stopping.wait(IDLE_SECONDS if not any(written) else 0.0 if short else took)

    def _settle(self, collection: str) -> int:
        """Write one batch of what has rested; returns how many documents that were."""
        fresh = self._fresh[collection]
        short = fresh.room < SHORT_OF_ROOM * fresh.most
        with self.paused:
            if not self._upkeep.is_ready(collection):
                return 0
            batch = fresh.rested(BATCH, seconds=0.0 if short else REST_SECONDS)
            try:
                if self._alone:
                    self._index.upsert(collection, batch)
                else:  # another process may have stored a newer state, or erased it
                    names = [each.document.document_id for each in batch]
                    self._upkeep.bring(collection, names)
            except IndexBrokenError as error:
                self._upkeep.report_broken(error)
                return 0
            except UnavailableError as error:
                logger.warning("fresh documents go on resting: %s", error)
                return 0
            fresh.settled(batch)
        return len(batch)
