"""Keeps the journeys searchable, off the Kafka path: ClickHouse in, vectors and Chroma out.

Journeys that were asked for go first, then the newest. Whatever is away, nothing is lost: what
waits is written in ClickHouse, and how much that is shows in the status.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from neonblue.errors import UnavailableError
from neonblue.ingest.event_vectors import EventVectors
from neonblue.ingest.journeys import journey_document
from neonblue.ingest.text_embedding import TextEmbedding
from neonblue.memory.collections import USER_JOURNEYS

if TYPE_CHECKING:
    from neonblue.ingest.status import StatusBoard
    from neonblue.memory.library import Memory
    from neonblue.stores import Store

logger = logging.getLogger(__name__)

# A batch shrinks or grows to take about this long, so that a newer or more wanted journey never
# waits long behind others.
BATCH_SECONDS = 0.8
SMALLEST_BATCH, BATCH = 256, 1024
IDLE_SECONDS = 0.2
RETRY_SECONDS = 2.0
REPORT_SECONDS = 2.0


class JourneyIndex:
    """Brings the index up to date with ClickHouse; ``start`` does so for ever in a thread."""

    def __init__(
        self,
        store: Store,
        memory: Callable[[], Memory],
        board: StatusBoard,
        vectors: EventVectors | None = None,
    ) -> None:
        self._store = store
        self._memory = memory
        self._texts: TextEmbedding | None = None
        self._board = board
        self._vectors = vectors or EventVectors()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journey-index", daemon=True)
        self._reported_at = 0.0
        self._size = BATCH // 4

    def start(self) -> JourneyIndex:
        """Begin; returns at once."""
        self._thread.start()
        return self

    def ask_to_stop(self) -> None:
        """Ask for the end; returns at once."""
        self._stopping.set()

    def stop(self, timeout_seconds: float = 5.0) -> bool:
        """Finish the batch under way and end; whether that was done in time."""
        self.ask_to_stop()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def catch_up(self, limit: int = BATCH) -> int:
        """Index one batch of what waits; returns how many journeys that were."""
        waiting = self._store.journey_marks.waiting(limit)
        if waiting:
            facts = self._store.journeys.of([journey.user_id for journey in waiting])
            documents = [journey_document(each) for each in facts]
            memory = self._memory()
            self._texts = self._texts or TextEmbedding(memory.embedder, self._store.text_vectors)
            memory.remember(USER_JOURNEYS, documents, embed=self._texts.embed)
            self._store.journey_marks.indexed(waiting)
        return len(waiting)

    @property
    def texts_embedded(self) -> int:
        """How many distinct texts had to be embedded since the start."""
        return 0 if self._texts is None else self._texts.made

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                size, started = self._size, time.monotonic()
                done = self.catch_up(size)
                self._adapt(done, time.monotonic() - started)
                self._report(done)
                # Texts of events have what time the journeys leave.
                more = done < size and self._embed_events()
                pause = 0.0 if done == size or more else IDLE_SECONDS
            except UnavailableError as error:
                self._board.trouble(str(error))
                pause = RETRY_SECONDS
            except Exception as error:
                # The index must outlive a fault nobody foresaw: what waits is tried again.
                self._board.trouble(repr(error))
                logger.exception("indexing journeys failed")
                pause = RETRY_SECONDS
            self._stopping.wait(pause)

    def _adapt(self, done: int, seconds: float) -> None:
        if done == self._size or seconds > BATCH_SECONDS:
            fitting = int(self._size * BATCH_SECONDS / max(seconds, 0.01))
            self._size = min(max(fitting, self._size // 2, SMALLEST_BATCH), 2 * self._size, BATCH)

    def _embed_events(self) -> bool:
        if not self._vectors.waiting:
            return False
        return self._vectors.make(self._memory().embedder, self._store.text_vectors) > 0

    def _report(self, indexed: int) -> None:
        due = time.monotonic() - self._reported_at > REPORT_SECONDS
        if not due and not indexed:
            return
        if due:
            self._reported_at = time.monotonic()
            backlog = self._store.journey_marks.backlog()
            oldest = backlog.oldest_at
            age = (datetime.now(UTC) - oldest).total_seconds() if oldest else 0.0
            self._board.journeys(waiting=backlog.waiting, oldest_seconds=age, indexed=indexed)
        else:
            self._board.journeys_indexed(indexed)
