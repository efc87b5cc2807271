"""Batched inserts into ClickHouse, from any source."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from neonblue.stores import Store

# An insert costs 4 ms however small it is, so rows are gathered first.
BATCH_ROWS = 10_000


class EventSink:
    """Gathers rows of ``event_schema()`` and inserts them in batches; safe between threads.

    ``add`` returns the rows that became durable by the call, 0 while they only wait: offsets may
    be committed once ``flush`` has returned.
    """

    def __init__(self, store: Store, *, batch_rows: int = BATCH_ROWS) -> None:
        self._store = store
        self._batch_rows = batch_rows
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self._lock = threading.Lock()
        self.written = 0

    @property
    def waiting(self) -> int:
        """Rows that are not durable yet."""
        return self._waiting_rows

    def add(self, events: pa.Table) -> int:
        """Take rows; inserts when a batch is full."""
        with self._lock:
            self._waiting.append(events)
            self._waiting_rows += events.num_rows
            return self._write() if self._waiting_rows >= self._batch_rows else 0

    def flush(self) -> int:
        """Insert what waits; returns how many rows became durable. Keeps them when it fails."""
        with self._lock:
            return self._write()

    def _write(self) -> int:
        import pyarrow as pa

        if not self._waiting_rows:
            return 0
        rows = self._store.events.insert(pa.concat_tables(self._waiting))
        self._waiting, self._waiting_rows = [], 0
        self.written += rows
        return rows
