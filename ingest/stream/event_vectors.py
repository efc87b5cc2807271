"""Vectors for the texts of events, made beside the stream and attached once they are there.

Embedding takes a thousand times as long as all other enrichment, so an event with a text that was
never met goes out without its vector; ``text_hash`` names the text, and the vector follows into
``text_vectors``. Texts met last are embedded first; when too many are new, the oldest are left
out until they are met again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neonblue.memory.embedding import Embedder
    from neonblue.stores.text_vectors import TextVectors

KEPT_VECTORS = 10_000
MAX_WANTED = 2_000
AT_ONCE = 32
DIGITS = 5


class EventVectors:
    """Shared by the publishing worker and the thread that embeds."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._known: OrderedDict[int, list[float]] = OrderedDict()
        self._wanted: OrderedDict[int, str] = OrderedDict()

    def get(self, text_hash: int) -> list[float] | None:
        """The vector of a text, if it has been made."""
        with self._guard:
            if text_hash in self._known:
                self._known.move_to_end(text_hash)
            return self._known.get(text_hash)

    def want(self, text_hash: int, text: str) -> None:
        """Ask for a vector that ``get`` did not have."""
        with self._guard:
            self._wanted[text_hash] = text
            self._wanted.move_to_end(text_hash)
            if len(self._wanted) > MAX_WANTED:
                self._wanted.popitem(last=False)

    @property
    def waiting(self) -> int:
        """How many texts wait to be embedded."""
        return len(self._wanted)

    def make(self, embedder: Embedder, kept: TextVectors) -> int:
        """Embed some of the wanted texts, or read them where they are kept; returns how many."""
        wanted = self._newest()
        if not wanted:
            return 0
        found = {
            each: vector.tolist()
            for each, vector in kept.find(embedder.fingerprint, list(wanted)).items()
        }
        missing = [each for each in wanted if each not in found]
        if missing:
            vectors = embedder.embed([wanted[each] for each in missing])
            kept.save(embedder.fingerprint, missing, list(vectors))
            found |= dict(zip(missing, vectors.tolist(), strict=True))
        self._keep(found)
        return len(wanted)

    def _newest(self) -> dict[int, str]:
        with self._guard:
            count = min(AT_ONCE, len(self._wanted))
            return dict(self._wanted.popitem() for _ in range(count))

    def _keep(self, vectors: dict[int, Sequence[float]]) -> None:
        with self._guard:
            for each, vector in vectors.items():
                self._known[each] = [round(value, DIGITS) for value in vector]
            while len(self._known) > KEPT_VECTORS:
                self._known.popitem(last=False)
