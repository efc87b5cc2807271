"""The memory: documents in ClickHouse, their vectors in Chroma, their words in this process."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from neonblue.errors import ConflictError, InvalidInputError, UnavailableError
from neonblue.memory.collections import (
    COLLECTIONS,
    EXPERIMENTS,
    OPTIMIZATION_PATTERNS,
    USER_JOURNEYS,
    Collection,
)
from neonblue.memory.computed_cache import ComputedCache
from neonblue.memory.contents import PATIENCE_SECONDS, Contents
from neonblue.memory.embedding import Embedder
from neonblue.memory.flush import Flush
from neonblue.memory.index_process import IndexProcess
from neonblue.memory.index_sync import IndexSync
from neonblue.memory.live_index import IndexStates, LiveIndex, Pending
from neonblue.memory.parts import Embed, embed_parts
from neonblue.memory.remote_pending import LOOK_SECONDS, RemotePending
from neonblue.memory.vector_index import ChromaServer, IndexBrokenError, VectorIndex
from neonblue.stores.documents import Document, Documents, EmbeddedDocument, MetadataValue

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_TEXT = 20_000
QUERY_CACHE = 256
VECTOR_CACHE = 5000
MAX_HASHES = 50_000
# Journeys are many and change all the time: they are read when somebody asks.
READ_AT_START = (EXPERIMENTS, OPTIMIZATION_PATTERNS)
EMBED_BATCH = 256
STORE_BATCH = 1024
COMPUTED_SECONDS = 60.0
# Moving a vector in Chroma is dear, and journeys change all the time.
DEFERRED = (USER_JOURNEYS.name,)

Computed = TypeVar("Computed")


class HashCache:
    """Content hashes of the ``most`` documents stored last, by id. Safe between threads.

    With it a journey that goes on is compared without a query: asking was a tenth of what indexing
    journeys cost. Only where no other process writes to the memory.
    """

    def __init__(self, most: int = MAX_HASHES) -> None:
        self._most = most
        self._hashes: OrderedDict[str, str] = OrderedDict()
        self._guard = threading.Lock()

    def of(self, document_ids: Iterable[str]) -> dict[str, str]:
        """Those that are known."""
        with self._guard:
            return {name: self._hashes[name] for name in document_ids if name in self._hashes}

    def put(self, hashes: Mapping[str, str]) -> None:
        """What was just stored."""
        with self._guard:
            for name, digest in hashes.items():
                self._hashes[name] = digest
                self._hashes.move_to_end(name)
            while len(self._hashes) > self._most:
                self._hashes.popitem(last=False)

    def remove(self, document_ids: Iterable[str]) -> None:
        """What was just erased."""
        with self._guard:
            for name in document_ids:
                self._hashes.pop(name, None)


class Memory:
    """Remembers documents and finds them by meaning, word and metadata. Safe between threads."""

    def __init__(
        self, documents: Documents, embedder: Embedder, place: Path | ChromaServer
    ) -> None:
        self.documents = documents
        self.embedder = embedder
        self.index = _open_index(place, embedder)
        self.index_states = IndexStates(COLLECTIONS)
        self.live_index = LiveIndex(
            documents,
            self.index,
            self.index_states,
            fingerprint=embedder.fingerprint,
            pending=self._all_pending,
        )
        self._pending = {name: Pending(embedder.dimension) for name in COLLECTIONS}
        self._hashes = {name: HashCache() for name in COLLECTIONS}
        self.index_sync = self._new_index_sync()
        self._flush = Flush(
            self._pending, self.index, self.index_sync, self.index_states, alone=self._alone
        )
        self._remote_pending = (
            {} if self._alone else {name: self._new_remote_pending(name) for name in DEFERRED}
        )
        self.embed_query = lru_cache(maxsize=QUERY_CACHE)(self._embed_query)
        self._vectors: dict[str, NDArray[np.float32]] = {}
        self._contents = {
            collection.name: Contents(
                documents,
                collection,
                fingerprint=embedder.fingerprint,
                dimension=embedder.dimension,
                alone=self._alone,
            )
            for collection in COLLECTIONS.values()
        }
        self._one_model = False
        self._computed = ComputedCache(math.inf if self._alone else COMPUTED_SECONDS)

    def start(self) -> Memory:
        """Begin to check the index and to read words and facts, in the background."""
        self.index_sync.start()
        for collection in READ_AT_START:
            self._contents[collection.name].start()
        return self

    def close(self) -> None:
        """Stop the index sync and release Chroma."""
        self._computed.close()
        for contents in self._contents.values():
            contents.close()
        self._flush.stop()
        self.index_sync.stop()
        self.index.close()

    def remember(
        self,
        collection: Collection,
        documents: Sequence[Document],
        *,
        embed: Embed | None = None,
        at_once: bool = True,
    ) -> int:
        """Store documents and index them; returns how many were new or had changed.

        The same document again costs one look-up: nothing is embedded or stored twice. ``embed``
        may stand in for the embedder's own, with vectors of the same model from elsewhere. Without
        ``at_once`` Chroma gets journeys later; they are found all the same.
        """
        if not documents:
            return 0
        self.require_one_model()
        cleaned = [_cleaned(collection, document) for document in documents]
        name = collection.name
        known = self._hashes_of(name, [item.document_id for item in cleaned])
        changed = [item for item in cleaned if known.get(item.document_id) != item.content_hash]
        for start in range(0, len(changed), STORE_BATCH):
            batch = self._embedded(
                collection, changed[start : start + STORE_BATCH], embed or self.embedder.embed
            )
            self._store(name, batch, at_once=at_once or name not in DEFERRED)
        return len(changed)

    def computed(
        self,
        collection: Collection,
        name: str,
        compute: Callable[[], Computed],
        *,
        late: bool = False,
    ) -> Computed:
        """What ``compute`` makes of a collection, kept until the collection changes.

        ``late``: the state before the last change will do while the new one is computed. Changes
        by other processes, with a Chroma server, are seen after a minute.
        """
        return self._computed.get(collection.name, name, compute, late=late)

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row a text, in order; those asked for lately are not embedded again."""
        import numpy as np

        known = {text: self._vectors[text] for text in set(texts) if text in self._vectors}
        new = sorted(set(texts) - known.keys())
        if new:
            known.update(zip(new, self.embedder.embed(new), strict=True))
            if len(self._vectors) > VECTOR_CACHE:
                self._vectors = {}
            self._vectors.update(known)
        rows = [known[text] for text in texts]
        return np.array(rows, dtype=np.float32).reshape(len(rows), self.embedder.dimension)

    def erase(self, collection: Collection, document_ids: Sequence[str]) -> None:
        """Remove documents from ClickHouse, Chroma and the words."""
        with self.index_sync.writing, self._flush.paused:
            self._pending[collection.name].remove(document_ids)
            self._forget_remote(collection.name, document_ids)
            self._hashes[collection.name].remove(document_ids)
            self.documents.erase(collection.name, document_ids)
            self.live_index.change(
                collection.name, lambda: self.index.delete(collection.name, document_ids)
            )
            self._computed.changed(collection.name)
        self._contents[collection.name].remove(document_ids)

    def holds(self, collection: Collection, document_id: str, *, within_seconds: float) -> bool:
        """Whether ClickHouse or Chroma still has a document, looked up in both.

        Raises ``UnavailableError`` when Chroma cannot be asked in time.
        """
        if not self.index_states.wait_until_ready(within_seconds):
            state = self.index_states.of(collection.name)
            raise UnavailableError(
                f"the index cannot be asked ({state.reason or state.phase}): start Chroma, or wait "
                "until the index is built, then run the same again"
            )
        return bool(
            self.documents.get(collection.name, [document_id])
            or self.index.get(collection.name, [document_id])
        )

    def contents(
        self, collection: Collection, *, patience_seconds: float = PATIENCE_SECONDS
    ) -> Contents | None:
        """The words and facts of a collection; None while they are first read."""
        contents = self._contents[collection.name]
        return contents if contents.ready(patience_seconds) else None

    def require_one_model(self) -> None:
        """Refuse to mix vectors of two models; checked once a process."""
        if self._one_model:
            return
        ours = self.embedder.fingerprint
        for collection, counts in self.documents.fingerprints().items():
            for fingerprint, count in counts.items():
                if fingerprint != ours and collection in COLLECTIONS:
                    raise ConflictError(
                        f"{count} documents of {collection!r} were embedded by {fingerprint!r}, "
                        f"but the configured model is {ours!r}: run `neonblue migrate --reembed`, "
                        "or set NEONBLUE_EMBEDDING_PROVIDER back"
                    )
        self._one_model = True

    def reembed(self, report: Callable[[float, float, str], None]) -> int:
        """Embed again what another model embedded; can be stopped and run again."""
        counts = self.documents.fingerprints()
        ours, done = self.embedder.fingerprint, 0
        total = sum(
            count
            for collection, models in counts.items()
            for model, count in models.items()
            if model != ours and collection in COLLECTIONS
        )
        for name in COLLECTIONS:
            while batch := self.documents.not_of(name, ours, EMBED_BATCH):
                embedded = self._embedded(COLLECTIONS[name], batch, self.embedder.embed)
                self.documents.save(name, embedded)
                self._contents[name].put(embedded)
                done += len(batch)
                report(done, total, f"{name}: {done} of {total} documents embedded again")
        self._restart_index_sync()
        return done

    @property
    def _alone(self) -> bool:
        """Embedded, this process owns the data, so every change comes through it."""
        return not isinstance(self.index.place, ChromaServer)

    def _new_index_sync(self) -> IndexSync:
        return IndexSync(
            self.documents,
            self.index,
            self.index_states,
            fingerprint=self.embedder.fingerprint,
            dimension=self.embedder.dimension,
            pending=self._pending_names,
            alone=self._alone,
        )

    def _new_remote_pending(self, collection: str) -> RemotePending:
        return RemotePending(
            self.documents,
            self.index,
            self.index_sync,
            self.index_states,
            collection=collection,
            fingerprint=self.embedder.fingerprint,
            own=self._pending[collection],
        )

    def _all_pending(self, collection: str, age_seconds: float = LOOK_SECONDS) -> list[Pending]:
        """What Chroma need not have yet; of a document in both, this process's own comes first."""
        own, remote = self._pending[collection], self._remote_pending.get(collection)
        return [own] if remote is None else [own, remote.look(age_seconds=age_seconds)]

    def _pending_names(self, collection: str) -> set[str]:
        return set().union(*(each.names() for each in self._all_pending(collection, age_seconds=0)))

    def _forget_remote(self, collection: str, document_ids: Sequence[str]) -> None:
        if collection in self._remote_pending:
            self._remote_pending[collection].remove(list(document_ids))

    def _restart_index_sync(self) -> None:
        self._one_model = False
        self.index_states.report_broken(IndexBrokenError("documents were embedded again"))
        self.index_sync.start()

    def _store(
        self, collection: str, embedded: Sequence[EmbeddedDocument], *, at_once: bool
    ) -> None:
        if not at_once:
            self._flush.make_room(collection, len(embedded))
        with self.index_sync.writing:
            self.documents.save(collection, embedded)
            if self._alone:
                stored = (item.document for item in embedded)
                self._hashes[collection].put({one.document_id: one.content_hash for one in stored})
            if at_once:
                self._index_now(collection, embedded)
            else:
                self._pending[collection].put(embedded)
            self._forget_remote(collection, [item.document.document_id for item in embedded])
            self._computed.changed(collection)
        self._contents[collection].put(embedded)

    def _hashes_of(self, collection: str, document_ids: Sequence[str]) -> dict[str, str]:
        known = self._hashes[collection].of(document_ids)
        others = [name for name in document_ids if name not in known]
        if others:
            known.update(self.documents.hashes(collection, self.embedder.fingerprint, others))
        return known

    def _index_now(self, collection: str, embedded: Sequence[EmbeddedDocument]) -> None:
        with self._flush.paused:
            self.live_index.change(collection, lambda: self.index.upsert(collection, embedded))
            self._pending[collection].remove(item.document.document_id for item in embedded)

    def _embedded(
        self, collection: Collection, documents: Sequence[Document], embed: Embed
    ) -> list[EmbeddedDocument]:
        vectors = embed_parts([each.text for each in documents], collection.weights, embed)
        return [
            EmbeddedDocument(
                document=document, vector=vector, fingerprint=self.embedder.fingerprint
            )
            for document, vector in zip(documents, vectors, strict=True)
        ]

    def _embed_query(self, query: str) -> NDArray[np.float32]:
        vector: NDArray[np.float32] = self.embedder.embed([query])[0]
        return vector


def _open_index(place: Path | ChromaServer, embedder: Embedder) -> VectorIndex | IndexProcess:
    if isinstance(place, ChromaServer):
        return VectorIndex(place, embedder.fingerprint)
    return IndexProcess(place, embedder.fingerprint, list(COLLECTIONS), embedder.dimension)


def _cleaned(collection: Collection, document: Document) -> Document:
    if not document.document_id or not document.text.strip():
        raise InvalidInputError(
            f"document {document.document_id!r} of {collection.name} needs an id and a text"
        )
    metadata = {
        field: _typed(collection, field, value)
        for field, value in document.metadata.items()
        if value not in ("", ())
    }
    return Document(
        document_id=document.document_id, text=document.text[:MAX_TEXT], metadata=metadata
    )


def _typed(collection: Collection, field: str, value: MetadataValue) -> MetadataValue:
    kind = collection.fields.get(field)
    if kind == "text" and isinstance(value, str):
        return value
    if kind == "list" and isinstance(value, tuple):
        return value
    if kind == "number" and isinstance(value, int | float):
        return float(value)
    raise InvalidInputError(
        f"{collection.name} have no {type(value).__name__} field {field!r}: "
        f"the fields are {_described(collection.fields)}"
    )


def _described(fields: Mapping[str, str]) -> str:
    return ", ".join(f"{field} ({kind})" for field, kind in fields.items())
