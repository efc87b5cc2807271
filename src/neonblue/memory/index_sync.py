"""Keeps the vector index equal to ClickHouse: checks it at start, mends it when it breaks.

One thread in the background. Until a collection is ``ready`` its searches are answered from
ClickHouse, exactly and more slowly; nobody waits for a rebuild. Where several processes share the
index, it is checked again from time to time.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from neonblue.errors import UnavailableError
from neonblue.memory.index_process import IndexProcess
from neonblue.memory.live_index import IndexState, IndexStates, Phase
from neonblue.memory.vector_index import IndexBrokenError, VectorIndex
from neonblue.stores.documents import Documents

MEND_BATCH = 500
# So little is put in while this process's writers wait.
LAST_BATCH = 200
RETRY_SECONDS = 5.0
# So many documents have to find themselves among so many neighbours before the index is believed.
SAMPLE = 50
NEIGHBOURS = 10
FOUND_SHARE = 0.9
# Documents of one text have one vector, and only so many of them are among the neighbours.
SAME = 0.999
# How often to look whether another process goes on writing, and for how long at most.
LOOK_SECONDS = 1.0
OTHERS_SECONDS = 60.0
# Where others write as well, what they left behind is found by checking again: soon after the
# start, when what was under way has rested, and then from time to time.
FIRST_CHECK_SECONDS = 150.0
CHECK_SECONDS = 600.0


class IndexSync:
    """The background thread and what it knows. ``writing`` is held by whoever changes documents."""

    def __init__(
        self,
        documents: Documents,
        index: VectorIndex | IndexProcess,
        states: IndexStates,
        *,
        fingerprint: str,
        dimension: int,
        pending: Callable[[str], set[str]] = lambda _: set(),
        alone: bool = True,
    ) -> None:
        self._documents, self._index, self._states = documents, index, states
        self._fingerprint, self._dimension = fingerprint, dimension
        self._pending = pending
        self.writing = threading.RLock()
        self._failures: Counter[str] = Counter()
        self._alone = alone
        self._check_at = math.inf if alone else time.monotonic() + FIRST_CHECK_SECONDS
        self._changed = states.changed
        self._stopped = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to check every collection; calling again changes nothing."""
        with self._changed:
            if self._thread is None and not self._stopped:
                self._states.check_wanted = True
                self._thread = threading.Thread(
                    target=self._run, name="neonblue-memory-index-sync", daemon=True
                )
                self._thread.start()

    def stop(self) -> None:
        """End the thread; waits for the batch that is being written."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=60)

    def bring(self, collection: str, document_ids: Sequence[str]) -> int:
        """Bring documents from ClickHouse to the index; returns how many it did not have.

        What another process changed or erased meanwhile may have reached the index before the older
        state from here: it is looked at again.
        """
        written, names = 0, list(document_ids)
        while names:
            embedded = self._documents.embedded(collection, self._fingerprint, names)
            written += self._index.upsert(collection, embedded)
            now = self._documents.hashes(collection, self._fingerprint, names)
            self._index.delete(collection, [name for name in names if name not in now])
            names = [
                item.document.document_id
                for item in embedded
                if now.get(item.document.document_id, "") not in ("", item.document.content_hash)
            ]
        return written

    def _run(self) -> None:
        while self._await_work():
            again = time.monotonic() >= self._check_at
            for name in self._states.collections:
                if self._stopped:
                    return
                if again or not self._states.is_ready(name):
                    self._attempt(name)
                if self._states.of(name).phase == "unavailable":
                    break  # and so are the others: ask again later
            if again:
                self._check_at = time.monotonic() + CHECK_SECONDS

    def _await_work(self) -> bool:
        with self._changed:
            check_in = max(self._check_at - time.monotonic(), 0.0)
            wait = check_in if self._states.all_ready() else min(check_in, RETRY_SECONDS)
            timeout = None if wait == math.inf else wait
            self._changed.wait_for(lambda: self._states.check_wanted or self._stopped, timeout)
            self._states.check_wanted = False
            return not self._stopped

    def _attempt(self, collection: str) -> None:
        try:
            self._mend(collection)
            self._failures[collection] = 0
        except IndexBrokenError as error:
            self._recover(collection, error)
        except UnavailableError as error:  # ClickHouse itself is away or closed
            if not self._states.is_ready(collection):
                self._states.set(collection, IndexState(phase="unavailable", reason=str(error)))

    def _recover(self, collection: str, error: IndexBrokenError) -> None:
        """Opening again heals a lost connection; only then is the index thrown away."""
        self._failures[collection] += 1
        phase: Phase = "checking"
        try:
            self._index.close()
            if self._failures[collection] > 1:
                self._index.discard()
                phase = "rebuilding"
        except IndexBrokenError:
            # Nobody is there: what came of asking says nothing about the index that will be.
            phase, self._failures[collection] = "unavailable", 0
        for name in self._states.collections:
            self._states.set(name, IndexState(phase=phase, reason=str(error)))
        with self._changed:
            self._states.check_wanted = phase != "unavailable" and self._failures[collection] < 4

    def _mend(self, collection: str) -> None:
        while not self._stopped:
            present = self._index.hashes(collection, lambda: self._stopped)
            missing, extra = self._difference(collection, present)
            if len(missing) + len(extra) <= LAST_BATCH:
                if self._finish(collection, present):
                    return
            else:
                self._index.delete(collection, extra)
                if not self._write(collection, missing):
                    self._let_others_write(collection)

    def _finish(self, collection: str, present: Mapping[str, str]) -> bool:
        """Put in what little is missing and call the index ready; False if it became more.

        Writers of this process add to ClickHouse and the index under this lock, and leave the index
        alone until it is ready. What other processes write meanwhile they bring to it themselves.
        """
        with self.writing:
            missing, extra = self._difference(collection, present)
            if self._stopped or len(missing) + len(extra) > LAST_BATCH:
                return False
            self._index.delete(collection, extra)
            self.bring(collection, missing)
            self._index.probe(collection, self._dimension)
            self._require_found(collection, sorted(present.keys() - extra))
            if not self._alone and not self._states.is_ready(collection):
                # What was pending elsewhere was left out: look again when it has rested.
                self._check_at = min(self._check_at, time.monotonic() + FIRST_CHECK_SECONDS)
            total = self._documents.count(collection)
            self._states.set(collection, IndexState(phase="ready", done=total, total=total))
            return True

    def _require_found(self, collection: str, names: Sequence[str]) -> None:
        """Raise unless a sample of documents is found by their own vectors, as ClickHouse has them:
        files may be whole and yet hold something else."""
        sample = random.sample(names, min(SAMPLE, len(names)))
        embedded = self._documents.embedded(collection, self._fingerprint, sample)
        lost = [
            item.document.document_id
            for item in embedded
            if not _finds_itself(
                item.document.document_id, self._index.query(collection, item.vector, NEIGHBOURS)
            )
        ]
        if len(lost) > (1 - FOUND_SHARE) * len(embedded):
            raise IndexBrokenError(
                f"{len(lost)} of {len(embedded)} documents are not found by their own vectors in "
                f"the index of {collection!r}: it is built again from ClickHouse"
            )

    def _difference(
        self, collection: str, present: Mapping[str, str]
    ) -> tuple[list[str], list[str]]:
        wanted = self._documents.hashes(collection, self._fingerprint)
        missing = {name for name, digest in wanted.items() if present.get(name) != digest}
        # What is pending is found without the index, and on its way to it.
        return sorted(missing - self._pending(collection)), sorted(present.keys() - wanted.keys())

    def _write(self, collection: str, missing: Sequence[str]) -> bool:
        """Put in what is missing; False as soon as another process is seen to do the same."""
        for start in range(0, len(missing), MEND_BATCH):
            if self._stopped:
                break
            self._rebuilding(collection, start, len(missing))
            batch = missing[start : start + MEND_BATCH]
            if self.bring(collection, batch) < len(batch):
                return False
        return True

    def _let_others_write(self, collection: str) -> None:
        """Return when the index no longer grows. Two processes that write at once take several
        times as long as one: each makes the Chroma server take in what the other wrote."""
        total, count = self._documents.count(collection), -1
        until = time.monotonic() + OTHERS_SECONDS
        while not self._stopped and time.monotonic() < until:
            if not count < (count := self._index.count(collection)) < total:
                return
            self._rebuilding(collection, count, total)
            with self._changed:
                # Not in step with others who wait as well.
                self._changed.wait_for(lambda: self._stopped, random.uniform(1, 2) * LOOK_SECONDS)

    def _rebuilding(self, collection: str, done: int, total: int) -> None:
        reason = self._states.of(collection).reason or "the index was missing or behind"
        self._states.set(
            collection, IndexState(phase="rebuilding", done=done, total=total, reason=reason)
        )


def _finds_itself(document_id: str, near: Sequence[tuple[str, float]]) -> bool:
    same = [name for name, likeness in near if likeness >= SAME]
    return document_id in same or len(same) == NEIGHBOURS
