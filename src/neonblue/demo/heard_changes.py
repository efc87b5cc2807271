"""The changes of experiments that a road has heard and the platform has not yet taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import Any


class HeardChanges:
    """Filled by the thread that listens, emptied by the platform."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[dict[str, Any]] = SimpleQueue()

    def add(self, change: dict[str, Any]) -> None:
        """Keep one change until it is taken."""
        self._waiting.put(change)

    def take(self) -> Sequence[Mapping[str, Any]]:
        """What was heard since the last call."""
        found = []
        while True:
            try:
                found.append(self._waiting.get_nowait())
            except Empty:
                return found
