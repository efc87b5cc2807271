"""Keeps the vector index equal to ClickHouse: checks it at start, mends it when it breaks.

One thread in the background. Until a collection is ``ready`` its searches are answered from
ClickHouse, exactly and more slowly; nobody waits for a rebuild.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from neonblue.errors import UnavailableError
from neonblue.memory.vector_index import IndexBrokenError, VectorIndex
from neonblue.stores.documents import Documents

MEND_BATCH = 500
RETRY_SECONDS = 15.0

Phase = Literal["checking", "rebuilding", "ready", "unavailable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexState:
    """Where the index of a collection is: ``done`` of ``total`` documents, and why."""

    phase: Phase
    done: int = 0
    total: int = 0
    reason: str = ""


class Upkeep:
    """The background thread and what it knows. ``writing`` is held by whoever changes documents."""

    def __init__(
        self,
        documents: Documents,
        index: VectorIndex,
        *,
        fingerprint: str,
        dimension: int,
        collections: Iterable[str],
        fresh: Callable[[str], set[str]] = lambda _: set(),
    ) -> None:
        self._documents, self._index = documents, index
        self._fingerprint, self._dimension = fingerprint, dimension
        self._fresh = fresh
        self.writing = threading.RLock()
        self._states = {name: IndexState(phase="checking") for name in collections}
        self._failures = 0
        self._changed = threading.Condition()
        self._wanted = False
        self._stopped = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to check every collection; calling again changes nothing."""
        with self._changed:
            if self._thread is None and not self._stopped:
                self._wanted = True
                self._thread = threading.Thread(
                    target=self._run, name="neonblue-memory-upkeep", daemon=True
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

    def state(self, collection: str) -> IndexState:
        """The state of a collection's index."""
        return self._states[collection]

    def is_ready(self, collection: str) -> bool:
        """Whether the index may be asked."""
        return self._states[collection].phase == "ready"

    def wait_until_ready(self, timeout_seconds: float) -> bool:
        """Whether every collection became ready in time."""
        with self._changed:
            return self._changed.wait_for(self._all_ready, timeout_seconds)

    def report_broken(self, error: IndexBrokenError) -> None:
        """A reader or writer found the index unusable: check and mend all of it."""
        for name in self._states:
            self._set(name, IndexState(phase="checking", reason=str(error)))
        with self._changed:
            self._wanted = True
            self._changed.notify_all()

    def _all_ready(self) -> bool:
        return all(state.phase == "ready" for state in self._states.values())

    def _set(self, collection: str, state: IndexState) -> None:
        with self._changed:
            self._states[collection] = state
            self._changed.notify_all()

    def _run(self) -> None:
        while self._await_work():
            for name in list(self._states):
                if self._stopped:
                    return
                if not self.is_ready(name):
                    self._attempt(name)

    def _await_work(self) -> bool:
        with self._changed:
            timeout = None if self._all_ready() else RETRY_SECONDS
            self._changed.wait_for(lambda: self._wanted or self._stopped, timeout)
            self._wanted = False
            return not self._stopped

    def _attempt(self, collection: str) -> None:
        try:
            self._mend(collection)
            self._failures = 0
        except IndexBrokenError as error:
            self._recover(error)
        except UnavailableError as error:  # ClickHouse itself is away or closed
            self._set(collection, IndexState(phase="unavailable", reason=str(error)))

    def _recover(self, error: IndexBrokenError) -> None:
        """Opening again heals a lost connection; only then is the index thrown away."""
        self._failures += 1
        phase: Phase = "checking"
        try:
            self._index.close()
            if self._failures > 1:
                self._index.discard()
                phase = "rebuilding"
        except IndexBrokenError:
            phase = "unavailable"
        for name in self._states:
            self._set(name, IndexState(phase=phase, reason=str(error)))
        with self._changed:
            self._wanted = phase != "unavailable" and self._failures < 4

    def _mend(self, collection: str) -> None:
        while True:
            present = self._present(collection)
            missing, extra = self._difference(collection, present)
            if self._stopped:
                return
            if missing or extra:
                self._index.delete(collection, extra)
                self._write(collection, missing)
            # Writers add to ClickHouse and the index under this lock, so what is equal now stays.
            # Until then they leave the index alone: where nothing had to be mended, what it was
            # found to hold is what it holds.
            with self.writing:
                if missing or extra:
                    present = self._present(collection)
                if self._difference(collection, present) == ([], []) and not self._stopped:
                    self._index.probe(collection, self._dimension)
                    total = self._documents.count(collection)
                    self._set(collection, IndexState(phase="ready", done=total, total=total))
                    return

    def _present(self, collection: str) -> dict[str, str]:
        return self._index.hashes(collection, lambda: self._stopped)

    def _difference(
        self, collection: str, present: Mapping[str, str]
    ) -> tuple[list[str], list[str]]:
        wanted = self._documents.hashes(collection, self._fingerprint)
        missing = {name for name, digest in wanted.items() if present.get(name) != digest}
        # What is fresh is found without the index, and on its way to it.
        return sorted(missing - self._fresh(collection)), sorted(present.keys() - wanted.keys())

    def _write(self, collection: str, missing: Sequence[str]) -> None:
        reason = self._states[collection].reason or "the index was missing or behind"
        for start in range(0, len(missing), MEND_BATCH):
            if self._stopped:
                return
            state = IndexState(phase="rebuilding", done=start, total=len(missing), reason=reason)
            self._set(collection, state)
            batch = missing[start : start + MEND_BATCH]
            self._index.upsert(
                collection, self._documents.embedded(collection, self._fingerprint, batch)
            )
