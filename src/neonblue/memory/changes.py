"""What other processes recorded in a collection since this one last asked."""

from __future__ import annotations

from datetime import datetime, timedelta

from neonblue.stores.documents import Documents

# A row may become visible after one that was recorded later.
OVERLAP = timedelta(seconds=2)


class Changes:
    """Names what changed, time after time. Not safe between threads."""

    def __init__(self, documents: Documents, collection: str, fingerprint: str) -> None:
        self._documents, self._collection = documents, collection
        self._fingerprint = fingerprint
        self._until: datetime | None = None
        self._named_until: datetime | None = None

    def skip(self) -> None:
        """What is recorded by now is read in another way."""
        self._until = self._documents.latest(self._collection)

    def named(self, *, window_seconds: float | None = None) -> dict[str, str]:
        """Content hashes by id, the latest last: of what was recorded since what was read, or two
        seconds before, and within the window until now if there is one."""
        since = None if self._until is None else self._until - OVERLAP
        changed, self._named_until = self._documents.changed_since(
            self._collection, self._fingerprint, since, window_seconds
        )
        return changed

    def read(self) -> None:
        """What was named last has been read, and need not be named again."""
        if self._named_until is not None:
            self._until = max(self._named_until, self._until or self._named_until)
