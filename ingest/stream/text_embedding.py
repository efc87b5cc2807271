"""Embeds each distinct text once: vectors are looked up here, then in ClickHouse, then made."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from neonblue.ingest.stream.texts import read_part

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from neonblue.memory.embedding import Embedder
    from neonblue.stores.text_vectors import TextVectors

KEPT_VECTORS = 20_000


class TextEmbedding:
    """Used by one thread; ``made`` counts the texts that had to be embedded."""

    def __init__(self, embedder: Embedder, vectors: TextVectors) -> None:
        self._embedder = embedder
        self._vectors = vectors
        self._kept: OrderedDict[int, NDArray[np.float32]] = OrderedDict()
        self._absent: frozenset[int] = frozenset()
        self.made = 0

    def unknown(self, texts: Iterable[str]) -> set[str]:
        """Those of which there is no vector yet, here or in ClickHouse: they cost an embedding."""
        missing = self._missing(texts)
        self._keep(self._found(missing.keys()))
        self._absent = frozenset(each for each in missing if each not in self._kept)
        return {missing[each] for each in self._absent}

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row a text, in order."""
        import numpy as np

        hashes = [read_part(text).digest for text in texts]
        known = {each: self._kept[each] for each in set(hashes) if each in self._kept}
        missing = self._missing(texts)
        if missing:
            known |= self._found(missing.keys() - self._absent)
            known |= self._make({each: missing[each] for each in missing.keys() - known.keys()})
        self._keep(known)
        return np.stack([known[each] for each in hashes])

    def _found(self, digests: Collection[int]) -> Mapping[int, NDArray[np.float32]]:
        return self._vectors.find(self._embedder.fingerprint, list(digests)) if digests else {}

    def _missing(self, texts: Iterable[str]) -> dict[int, str]:
        hashed = {read_part(text).digest: text for text in set(texts)}
        return {each: text for each, text in hashed.items() if each not in self._kept}

    def _keep(self, vectors: Mapping[int, NDArray[np.float32]]) -> None:
        for each, vector in vectors.items():
            self._kept[each] = vector
            self._kept.move_to_end(each)
        while len(self._kept) > KEPT_VECTORS:
            self._kept.popitem(last=False)

    def _make(self, texts: dict[int, str]) -> dict[int, NDArray[np.float32]]:
        if not texts:
            return {}
        vectors = self._embedder.embed(list(texts.values()))
        self._vectors.save(self._embedder.fingerprint, list(texts), list(vectors))
        self.made += len(texts)
        return dict(zip(texts, vectors, strict=True))
