"""The vector index as searches see it: Chroma, what Chroma does not have yet, and whether to ask.

Moving a vector in Chroma costs milliseconds, and a journey under way changes every few seconds. So
what ClickHouse has acknowledged is ``Pending``: found exactly in this process at once, and brought
to Chroma when it is idle. Losing it with the process loses nothing: the check at start finds what
Chroma lacks. While the index is not ready, ClickHouse answers, exactly and more slowly.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from neonblue.memory.collections import Collection
from neonblue.memory.filters import meets
from neonblue.memory.index_process import IndexProcess
from neonblue.memory.vector_index import IndexBrokenError, VectorIndex
from neonblue.stores.document_filter import Condition
from neonblue.stores.documents import Document, Documents, EmbeddedDocument

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Phase = Literal["checking", "rebuilding", "ready", "unavailable"]
# 31 MB of vectors at 384 numbers each, searched in 1 ms; the facts' vectors of bytes, which nobody
# reads in a process that only ingests, take 11 ms for that.
MAX_PENDING = 20_000
IDLE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Entry:
    row: int
    document: EmbeddedDocument
    since: float


class Pending:
    """The pending documents of one collection. Safe between threads."""

    def __init__(self, dimension: int, *, most: int = MAX_PENDING) -> None:
        import numpy as np

        self.most, self.dimension = most, dimension
        self._guard = threading.Lock()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        # Pages that no row was written to yet take no memory.
        self._vectors = np.zeros((most, dimension), dtype=np.float32)
        self._names: list[str | None] = [None] * most
        self._free = list(range(most - 1, -1, -1))
        self._used = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def room(self) -> int:
        """How many more documents it takes."""
        return len(self._free)

    def names(self) -> set[str]:
        """The ids of all documents here."""
        with self._guard:
            return set(self._entries)

    def put(self, documents: Sequence[EmbeddedDocument]) -> None:
        """Add or replace; the caller has seen to it that there is ``room``."""
        now = time.monotonic()
        with self._guard:
            for each in documents:
                name = each.document.document_id
                known = self._entries.pop(name, None)
                row = self._free.pop() if known is None else known.row
                self._entries[name] = _Entry(row, each, now)
                self._vectors[row], self._names[row] = each.vector, name
                self._used = max(self._used, row + 1)

    def idle(self, limit: int, *, seconds: float = IDLE_SECONDS) -> list[EmbeddedDocument]:
        """The documents unchanged for longest, if that is at least ``seconds``."""
        until = time.monotonic() - seconds
        found: list[EmbeddedDocument] = []
        with self._guard:
            for entry in self._entries.values():
                if len(found) >= limit or entry.since > until:
                    break
                found.append(entry.document)
        return found

    def flushed(self, documents: Iterable[EmbeddedDocument]) -> None:
        """Drop what Chroma has now, unless it has changed meanwhile."""
        with self._guard:
            for each in documents:
                entry = self._entries.get(each.document.document_id)
                if entry is not None and entry.document is each:
                    self._drop(each.document.document_id)

    def remove(self, document_ids: Iterable[str]) -> None:
        """Drop documents for good; those that are not here are no error."""
        with self._guard:
            for name in document_ids:
                if name in self._entries:
                    self._drop(name)

    def get(self, document_ids: Iterable[str]) -> dict[str, Document]:
        """Those that are here, by id."""
        with self._guard:
            return {
                name: self._entries[name].document.document
                for name in document_ids
                if name in self._entries
            }

    def nearest(
        self, vector: NDArray[np.float32], limit: int, conditions: Sequence[Condition] = ()
    ) -> tuple[list[tuple[str, float]], set[str]]:
        """The nearest documents that meet the conditions, with their cosine similarity; and the
        ids of all that are here at that moment."""
        import numpy as np

        with self._guard:
            likeness = self._vectors[: self._used] @ vector
            found: list[tuple[str, float]] = []
            for row in np.argsort(-likeness, kind="stable").tolist():
                name = self._names[row]
                if len(found) >= limit:
                    break
                if name is not None and (not conditions or self._meets(name, conditions)):
                    found.append((name, float(likeness[row])))
            return found, set(self._entries)

    def similarities(
        self, vector: NDArray[np.float32], document_ids: Iterable[str]
    ) -> dict[str, float]:
        """The cosine similarity of those named that are here."""
        with self._guard:
            return {
                name: float(self._vectors[self._entries[name].row] @ vector)
                for name in document_ids
                if name in self._entries
            }

    def _meets(self, name: str, conditions: Sequence[Condition]) -> bool:
        return meets(self._entries[name].document.document.metadata, conditions)

    def _drop(self, name: str) -> None:
        entry = self._entries.pop(name)
        self._vectors[entry.row], self._names[entry.row] = 0.0, None
        self._free.append(entry.row)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexState:
    """Where the index of a collection is: ``done`` of ``total`` documents, and why."""

    phase: Phase
    done: int = 0
    total: int = 0
    reason: str = ""


class IndexStates:
    """The state of each collection's index. Whoever waits on ``changed`` hears of every change;
    ``check_wanted`` asks the index sync to look at all of them."""

    def __init__(self, collections: Iterable[str]) -> None:
        self._states = {name: IndexState(phase="checking") for name in collections}
        self.changed = threading.Condition()
        self.check_wanted = False

    @property
    def collections(self) -> tuple[str, ...]:
        """The collections that there are."""
        return tuple(self._states)

    def of(self, collection: str) -> IndexState:
        """The state of a collection's index."""
        return self._states[collection]

    def is_ready(self, collection: str) -> bool:
        """Whether the index may be asked."""
        return self._states[collection].phase == "ready"

    def all_ready(self) -> bool:
        """Whether every index may be asked."""
        return all(state.phase == "ready" for state in self._states.values())

    def set(self, collection: str, state: IndexState) -> None:
        """Note where a collection's index is."""
        with self.changed:
            self._states[collection] = state
            self.changed.notify_all()

    def report_broken(self, error: IndexBrokenError) -> None:
        """A reader or writer found the index unusable: check and mend all of it."""
        for name in self._states:
            self.set(name, IndexState(phase="checking", reason=str(error)))
        with self.changed:
            self.check_wanted = True
            self.changed.notify_all()

    def wait_until_ready(self, timeout_seconds: float) -> bool:
        """Whether every collection became ready in time."""
        with self.changed:
            return self.changed.wait_for(self.all_ready, timeout_seconds)


class LiveIndex:
    """Finds documents by vector or id, in Chroma and among the pending, or in ClickHouse.

    ``pending`` names what Chroma need not have yet, newest knowledge first. Safe between threads.
    """

    def __init__(
        self,
        documents: Documents,
        index: VectorIndex | IndexProcess,
        states: IndexStates,
        *,
        fingerprint: str,
        pending: Callable[[str], Sequence[Pending]],
    ) -> None:
        self._documents, self._index, self._states = documents, index, states
        self._fingerprint, self._pending = fingerprint, pending

    def nearest(
        self,
        collection: Collection,
        vector: NDArray[np.float32],
        limit: int,
        conditions: Sequence[Condition] = (),
    ) -> list[tuple[str, float]]:
        """Ids and cosine similarities of the nearest documents, nearest first."""
        name = collection.name
        if self._states.is_ready(name):
            try:
                return self._nearest_of_both(name, vector, limit, conditions)
            except IndexBrokenError as error:
                self._states.report_broken(error)
        found = self._documents.nearest(
            name,
            vector.tolist(),
            fingerprint=self._fingerprint,
            limit=limit,
            conditions=conditions,
        )
        return [(document.document_id, similarity) for document, similarity in found]

    def get(self, collection: Collection, document_ids: Sequence[str]) -> dict[str, Document]:
        """Documents by id, from Chroma if it is ready."""
        if self._states.is_ready(collection.name):
            try:
                found: dict[str, Document] = {}
                for pending in self._pending(collection.name):
                    found = {**pending.get(document_ids), **found}
                rest = [name for name in document_ids if name not in found]
                return {**self._index.get(collection.name, rest), **found}
            except IndexBrokenError as error:
                self._states.report_broken(error)
        return self._documents.get(collection.name, document_ids)

    def similarities(
        self, collection: Collection, vector: NDArray[np.float32], document_ids: Sequence[str]
    ) -> dict[str, float]:
        """The cosine similarity of each named document."""
        if not document_ids:
            return {}
        if self._states.is_ready(collection.name):
            try:
                known: dict[str, float] = {}
                for pending in self._pending(collection.name):
                    known = {**pending.similarities(vector, document_ids), **known}
                rest = [name for name in document_ids if name not in known]
                return {**self._index.similarities(collection.name, vector, rest), **known}
            except IndexBrokenError as error:
                self._states.report_broken(error)
        found = self._documents.embedded(collection.name, self._fingerprint, document_ids)
        return {item.document.document_id: float(item.vector @ vector) for item in found}

    def change(self, collection: str, act: Callable[[], object]) -> None:
        """Change Chroma if it is ready; what is not is compared before it is."""
        if not self._states.is_ready(collection):
            return
        try:
            act()
        except IndexBrokenError as error:
            self._states.report_broken(error)

    def _nearest_of_both(
        self,
        collection: str,
        vector: NDArray[np.float32],
        limit: int,
        conditions: Sequence[Condition],
    ) -> list[tuple[str, float]]:
        """Chroma's without those that are pending here: of those Chroma has an older state."""
        pending: list[tuple[str, float]] = []
        newer: set[str] = set()
        for layer in self._pending(collection):
            near, names = layer.nearest(vector, limit, conditions)
            pending += [(name, likeness) for name, likeness in near if name not in newer]
            newer |= names
        asked = limit
        while True:
            found = self._index.query(collection, vector, asked, conditions)
            kept = [(name, likeness) for name, likeness in found if name not in newer]
            if len(kept) >= limit or len(found) < asked:
                break
            asked *= 4
        return sorted([*pending, *kept], key=lambda item: (-item[1], item[0]))[:limit]
