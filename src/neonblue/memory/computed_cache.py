"""What is computed from a whole collection: kept until the collection changes.

Whoever needs it as of now waits for it. Whoever can do with the state before gets that at once, and
one thread makes the new one meanwhile, so that no answer waits because some experiment finished.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

logger = logging.getLogger(__name__)
Value = TypeVar("Value")
Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    value: Any
    changes: int
    until: float


class ComputedCache:
    """Values by collection and name. Safe between threads; each is made by one at a time.

    ``lasts_seconds`` is how long a value holds where others change the collection unseen.
    """

    def __init__(self, lasts_seconds: float = math.inf) -> None:
        self._lasts_seconds = lasts_seconds
        self._kept: dict[Key, _Kept] = {}
        self._changes: Counter[str] = Counter()
        self._making = threading.RLock()
        self._guard = threading.Lock()
        self._waiting: dict[Key, Future[Any]] = {}
        self._background: ThreadPoolExecutor | None = ThreadPoolExecutor(
            1, thread_name_prefix="neonblue-compute"
        )

    def get(
        self, collection: str, name: str, compute: Callable[[], Value], *, late: bool = False
    ) -> Value:
        """The value as of now. ``late``: as it was before the last change, while it is made anew;
        a value of None is not worth keeping for that."""
        key = (collection, name)
        kept = self._kept.get(key)
        if kept is not None and self._holds(collection, kept):
            known: Value = kept.value
            return known
        if late and kept is not None and kept.value is not None:
            self._make_later(key, compute)
            before: Value = kept.value
            return before
        return self._make(key, compute)

    def changed(self, collection: str) -> None:
        """The collection is another one from now on."""
        with self._guard:
            self._changes[collection] += 1

    def close(self) -> None:
        """Begin nothing in the background any more, and wait for what is under way."""
        with self._guard:
            background, self._background = self._background, None
        if background is not None:
            background.shutdown(cancel_futures=True)

    def _holds(self, collection: str, kept: _Kept) -> bool:
        return kept.changes == self._changes[collection] and time.monotonic() < kept.until

    def _make(self, key: Key, compute: Callable[[], Value]) -> Value:
        with self._making:
            kept = self._kept.get(key)
            if kept is not None and self._holds(key[0], kept):
                known: Value = kept.value
                return known
            # What changes while it is computed makes it old again.
            changes = self._changes[key[0]]
            value = compute()
            until = time.monotonic() + self._lasts_seconds
            self._kept[key] = _Kept(value=value, changes=changes, until=until)
            return value

    def _make_later(self, key: Key, compute: Callable[[], Any]) -> None:
        with self._guard:
            under_way = self._waiting.get(key)
            if self._background is None or (under_way is not None and not under_way.done()):
                return
            future = self._background.submit(self._make, key, compute)
            self._waiting[key] = future
        future.add_done_callback(_tell_failure)


def _tell_failure(future: Future[Any]) -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        logger.warning("what is computed from the memory was not made anew: %s", error)
