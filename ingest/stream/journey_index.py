"""Keeps the journeys searchable, off the Kafka path: ClickHouse in, vectors and Chroma out.

What the worker has just stored is handed over directly. When more waits than fits in a batch, and
now and then, ClickHouse says what is next: journeys that were asked for first, then the newest.
Whatever is away, nothing is lost: what waits is written there, and shows in the status.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from neonblue.behavior.conversion_events import known_kinds
from neonblue.errors import UnavailableError
from neonblue.ingest.stream.changed_journeys import ChangedJourneys
from neonblue.ingest.stream.event_vectors import EventVectors
from neonblue.ingest.stream.journeys import journey_document
from neonblue.ingest.stream.text_embedding import TextEmbedding
from neonblue.memory.collections import USER_JOURNEYS
from neonblue.memory.parts import split_parts
from neonblue.stores.forgotten import NEVER

if TYPE_CHECKING:
    from neonblue.behavior.conversion_events import EventKinds, FindKinds
    from neonblue.ingest.stream.status import StatusBoard
    from neonblue.memory.library import Memory
    from neonblue.stores import Store
    from neonblue.stores.documents import Document
    from neonblue.stores.journey_marks import ChangedJourney

logger = logging.getLogger(__name__)

# A batch shrinks or grows to take about this long, so that a newer or more wanted journey never
# waits long behind others.
BATCH_SECONDS = 0.8
MIN_BATCH, BATCH = 256, 1024
IDLE_SECONDS = 0.2
RETRY_SECONDS = 2.0
REPORT_SECONDS = 2.0
ASK_SECONDS = 3.0
# New texts are embedded so many at a time, and for so long at most before others have their turn.
AT_ONCE = 32
EMBED_SECONDS = 0.5


def kinds_of_store(store: Store) -> FindKinds:
    """Finds what event types are taken for by the experiments of a store, and by words."""

    def found() -> EventKinds:
        return known_kinds(store.experiments.defined().values())

    return found


class JourneyIndex:
    """Brings the index up to date with ClickHouse; ``start`` does so for ever in a thread."""

    def __init__(
        self,
        store: Store,
        memory: Callable[[], Memory],
        board: StatusBoard,
        vectors: EventVectors | None = None,
        changed_journeys: ChangedJourneys | None = None,
        kinds: FindKinds | None = None,
    ) -> None:
        self._kinds = kinds or kinds_of_store(store)
        self._changed_journeys = changed_journeys or ChangedJourneys()
        self._asked_at = 0.0
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
        self._changed_journeys.wake()

    def stop(self, timeout_seconds: float = 5.0) -> bool:
        """Finish the batch under way and end; whether that was done in time."""
        self.ask_to_stop()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def catch_up(self, limit: int = BATCH) -> int:
        """Index one batch of what waits, in Chroma too; returns how many journeys that were."""
        return self._index(self._store.journey_marks.waiting(limit), at_once=True)

    @property
    def texts_embedded(self) -> int:
        """How many distinct texts had to be embedded since the start."""
        return 0 if self._texts is None else self._texts.made

    def _index(self, waiting: Sequence[ChangedJourney], *, at_once: bool) -> int:
        """Journeys whose texts are known are not held up by those that must be embedded; unless
        ``at_once``, what is not embedded within a while goes on waiting."""
        if not waiting:
            return 0
        facts = self._store.journeys.of([journey.user_id for journey in waiting])
        kinds = self._kinds()
        documents = {each.user_id: journey_document(each, kinds) for each in facts}
        memory = self._memory()
        self._texts = self._texts or TextEmbedding(memory.embedder, self._store.text_vectors)
        late = _lacking(documents, self._texts)
        batches = _cut([each for each in waiting if each.user_id not in late], MIN_BATCH)
        known = len(batches)
        batches += _cut([each for each in waiting if each.user_id in late], AT_ONCE)
        until = time.monotonic() + (math.inf if at_once else EMBED_SECONDS)
        done: list[ChangedJourney] = []
        for number, batch in enumerate(batches):
            out_of_time = number > known and time.monotonic() > until
            if number and (out_of_time or self._stopping.is_set()):
                break
            found = [documents[each.user_id] for each in batch if each.user_id in documents]
            found = self._without_forgotten(found)
            memory.remember(USER_JOURNEYS, found, embed=self._texts.embed, at_once=at_once)
            self._erase_forgotten_meanwhile(memory, found)
            done += batch
        self._store.journey_marks.indexed(done)
        self._changed_journeys.put_back(set(waiting).difference(done))
        return len(done)

    def _without_forgotten(self, documents: Sequence[Document]) -> list[Document]:
        """Somebody may have been forgotten since their events were read."""
        accepted = self._store.forgotten.among(each.document_id for each in documents)
        gone = {user for user, since in accepted.items() if since == NEVER}
        return [each for each in documents if each.document_id not in gone]

    def _erase_forgotten_meanwhile(self, memory: Memory, stored: Sequence[Document]) -> None:
        """Another process may forget somebody while a journey is being stored."""
        self._store.forgotten.reread()
        kept = {each.document_id for each in self._without_forgotten(stored)}
        gone = [each.document_id for each in stored if each.document_id not in kept]
        if gone:
            memory.erase(USER_JOURNEYS, gone)

    def _next(self, limit: int) -> Sequence[ChangedJourney]:
        """What was handed over, or what ClickHouse says when that is too much, and now and then."""
        handed = self._changed_journeys.take(limit)
        due = time.monotonic() - self._asked_at > ASK_SECONDS
        if handed and not due:
            return handed
        if handed is not None and not due:
            return ()
        waiting = self._store.journey_marks.waiting(limit)
        # With more behind these, the next round asks ClickHouse again.
        self._asked_at = 0.0 if len(waiting) == limit else time.monotonic()
        return waiting

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                size, started = self._size, time.monotonic()
                done = self._index(self._next(size), at_once=False)
                self._adapt(done, time.monotonic() - started)
                self._report(done)
                # Texts of events have what time the journeys leave.
                more = done < size and self._embed_events()
                if not (done or more):
                    self._changed_journeys.wait(IDLE_SECONDS)
                pause = 0.0
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
            self._size = min(max(fitting, self._size // 2, MIN_BATCH), 2 * self._size, BATCH)

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


def _lacking(documents: Mapping[str, Document], texts: TextEmbedding) -> set[str]:
    """The units whose journey has a part that is not embedded yet."""
    parts = {
        user: split_parts(document.text, USER_JOURNEYS.weights)
        for user, document in documents.items()
    }
    unknown = texts.unknown(part for each in parts.values() for part in each)
    return {user for user, own in parts.items() if not unknown.isdisjoint(own)}


def _cut(journeys: Sequence[ChangedJourney], size: int) -> list[Sequence[ChangedJourney]]:
    return [journeys[at : at + size] for at in range(0, len(journeys), size)]
