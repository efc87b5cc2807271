"""Documents that Chroma does not have yet, found exactly in this process.

Moving a vector in Chroma costs milliseconds, and a journey under way changes every few seconds. So
what ClickHouse has acknowledged is searchable from here at once, and goes to Chroma when it is
idle. Losing it with the process loses nothing: the check at start finds what Chroma lacks.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neonblue.memory.filters import meets
from neonblue.stores.document_filter import Condition
from neonblue.stores.documents import Document, EmbeddedDocument

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# 31 MB of vectors at 384 numbers each, searched in 2 ms.
MOST_DOCUMENTS = 20_000
IDLE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Entry:
    row: int
    document: EmbeddedDocument
    since: float


class Pending:
    """The pending documents of one collection. Safe between threads."""

    def __init__(self, dimension: int, *, most: int = MOST_DOCUMENTS) -> None:
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
                if name is not None and meets(
                    self._entries[name].document.document.metadata, conditions
                ):
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

    def _drop(self, name: str) -> None:
        entry = self._entries.pop(name)
        self._vectors[entry.row], self._names[entry.row] = 0.0, None
        self._free.append(entry.row)
