"""The vectors in Chroma: fast to ask, and nothing that cannot be rebuilt from ClickHouse.

In a folder, which is opened in a process of its own (``index_process``), or on a server. Vectors
always come from us, never from Chroma.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neonblue.errors import UnavailableError
from neonblue.stores.document_filter import Condition
from neonblue.stores.documents import Document, EmbeddedDocument, MetadataValue

if TYPE_CHECKING:
    import numpy as np
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection as ChromaCollection
    from numpy.typing import NDArray

# Recall@10 on text-like data: 1.0 with these, .936 with Chroma's defaults.
CONFIGURATION = {
    "hnsw": {"space": "cosine", "max_neighbors": 32, "ef_construction": 200, "ef_search": 200}
}
# A larger upsert holds the interpreter lock for over 100 ms.
WRITE_BATCH = 100
READ_BATCH = 2000
# Chroma Cloud refuses more records in one request.
CLOUD, CLOUD_PAGE = ".trychroma.com", 300
HASH_FIELD = "content_hash"
FINGERPRINT_FIELD = "fingerprint"


class IndexBrokenError(UnavailableError):
    """The index cannot be used: it is missing, damaged or another model's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChromaServer:
    """A Chroma server's address, and whose collections on it are ours.

    ``deployment`` tells the data of one ClickHouse from that of others on the same server.
    ``token`` is sent as a bearer's, ``api_key`` as Chroma Cloud wants it.
    """

    host: str
    port: int = 8000
    ssl: bool = False
    token: str | None = None
    api_key: str | None = None
    tenant: str | None = None
    database: str | None = None
    deployment: str = ""

    @property
    def page(self) -> int:
        """How many records one request may read or write."""
        return CLOUD_PAGE if self.host.endswith(CLOUD) else READ_BATCH


class VectorIndex:
    """Chroma collections of one embedding model, in the given folder or on a server."""

    def __init__(self, place: Path | ChromaServer, fingerprint: str) -> None:
        self.place = place
        self._fingerprint = fingerprint
        self._client: ClientAPI | None = None
        self._open: dict[str, ChromaCollection] = {}

    def query(
        self,
        collection: str,
        vector: NDArray[np.float32],
        limit: int,
        conditions: Sequence[Condition] = (),
    ) -> list[tuple[str, float]]:
        """Ids and cosine similarities of the nearest documents, nearest first.

        With ``ne``, Chroma also takes documents without the field: the caller checks again.
        """
        with _broken_as_ours():
            found = self._collection(collection).query(
                query_embeddings=[vector],
                n_results=limit,
                where=_where(conditions),
                include=["distances"],
            )
        distances = found["distances"] or [[]]
        return [
            (document_id, 1.0 - float(distance))
            for document_id, distance in zip(found["ids"][0], distances[0], strict=True)
        ]

    def get(self, collection: str, document_ids: Sequence[str]) -> dict[str, Document]:
        """Documents as the index has them, by id."""
        documents: dict[str, Document] = {}
        for found in self._named(collection, document_ids, "documents", "metadatas"):
            texts, metadatas = found["documents"] or [], found["metadatas"] or []
            documents |= {
                document_id: Document(document_id=document_id, text=text, metadata=_ours(metadata))
                for document_id, text, metadata in zip(found["ids"], texts, metadatas, strict=True)
            }
        return documents

    def similarities(
        self, collection: str, vector: NDArray[np.float32], document_ids: Sequence[str]
    ) -> dict[str, float]:
        """The cosine similarity of each named document that the index has."""
        import numpy as np

        alike: dict[str, float] = {}
        for found in self._named(collection, document_ids, "embeddings"):
            vectors = np.asarray(found["embeddings"], dtype=np.float32).reshape(-1, len(vector))
            alike |= dict(zip(found["ids"], (vectors @ vector).tolist(), strict=True))
        return alike

    def upsert(self, collection: str, documents: Sequence[EmbeddedDocument]) -> int:
        """Add or replace documents; returns how many were not there already, just as they are."""
        with _broken_as_ours():
            chroma = self._collection(collection)
            return sum(
                _write(chroma, documents[start : start + WRITE_BATCH])
                for start in range(0, len(documents), WRITE_BATCH)
            )

    def count(self, collection: str) -> int:
        """How many documents the index has."""
        with _broken_as_ours():
            return int(self._collection(collection).count())

    def delete(self, collection: str, document_ids: Sequence[str]) -> None:
        """Remove documents; those that are not there are no error."""
        with _broken_as_ours():
            chroma = self._collection(collection)
            for start in range(0, len(document_ids), WRITE_BATCH):
                chroma.delete(ids=list(document_ids[start : start + WRITE_BATCH]))

    def hashes(
        self, collection: str, stopped: Callable[[], bool] = lambda: False
    ) -> dict[str, str]:
        """The content hash of every document in the index, by id; some once ``stopped`` is true."""
        return read_pages(lambda offset: self.hashes_page(collection, offset), stopped)

    def hashes_page(self, collection: str, offset: int) -> dict[str, str]:
        """Some of the hashes, beginning with the one of that number; none after the last."""
        with _broken_as_ours():
            found = self._collection(collection).get(
                limit=self._page, offset=offset, include=["metadatas"]
            )
            return dict(zip(found["ids"], map(_hash, found["metadatas"] or []), strict=True))

    def hashes_of(self, collection: str, document_ids: Sequence[str]) -> dict[str, str]:
        """The content hashes of those named that are in the index, by id."""
        hashes: dict[str, str] = {}
        for found in self._named(collection, document_ids, "metadatas"):
            hashes |= dict(zip(found["ids"], map(_hash, found["metadatas"] or []), strict=True))
        return hashes

    def probe(self, collection: str, dimension: int) -> None:
        """Ask for one neighbour, which touches the graph; raises when that is broken."""
        import numpy as np

        vector = np.zeros(dimension, dtype=np.float32)
        vector[0] = 1.0
        self.query(collection, vector, 1)

    def discard(self) -> None:
        """Forget everything of ours and begin again with empty collections.

        On a server that is what this deployment keeps of this model; nothing else is touched.
        """
        with _broken_as_ours():
            self._open.clear()
            client = self._connect()
            for collection in self._ours(client):
                client.delete_collection(collection)

    def close(self) -> None:
        """Release the client; the next use opens it again."""
        client, self._client = self._client, None
        self._open.clear()
        if client is not None:
            close = getattr(client, "close", None)
            if close is not None:
                close()

    def _ours(self, client: ClientAPI) -> list[str]:
        end = self._name("")
        return [
            collection.name
            for collection in _every_collection(client, self._page)
            if (collection.metadata or {}).get("owner") == "neonblue"
            and collection.name.endswith(end)
        ]

    def _name(self, collection: str) -> str:
        """What a collection is called there: in a folder of ours by its own name alone."""
        if not isinstance(self.place, ChromaServer):
            return collection
        model = blake2b(self._fingerprint.encode(), digest_size=4).hexdigest()
        return f"{collection}-{self.place.deployment or 'default'}-{model}"

    def _named(
        self, collection: str, document_ids: Sequence[str], *include: Any
    ) -> Iterator[Mapping[str, Any]]:
        """What is asked for of some documents, a page at a time."""
        for start in range(0, len(document_ids), self._page):
            ids = list(document_ids[start : start + self._page])
            with _broken_as_ours():
                found: Any = self._collection(collection).get(ids=ids, include=list(include))
            yield found

    @property
    def _page(self) -> int:
        return self.place.page if isinstance(self.place, ChromaServer) else READ_BATCH

    def _collection(self, name: str) -> ChromaCollection:
        known = self._open.get(name)
        if known is None:
            known = self._open_collection(name)
            self._open[name] = known
        return known

    def _open_collection(self, name: str) -> ChromaCollection:
        metadata = {FINGERPRINT_FIELD: self._fingerprint, "owner": "neonblue"}
        collection = self._connect().get_or_create_collection(
            self._name(name),
            configuration=CONFIGURATION,
            metadata=metadata,
            embedding_function=None,
        )
        made_by = (collection.metadata or {}).get(FINGERPRINT_FIELD)
        if made_by != self._fingerprint:
            raise IndexBrokenError(
                f"the index of {name!r} was made by the model {made_by!r}, not by "
                f"{self._fingerprint!r}: it is rebuilt from ClickHouse"
            )
        return collection

    def _connect(self) -> ClientAPI:
        if self._client is None:
            self._client = _open_client(self.place)
        return self._client


def _open_client(place: Path | ChromaServer) -> ClientAPI:
    import chromadb
    from chromadb.config import Settings

    settings = Settings(anonymized_telemetry=False)
    if isinstance(place, Path):
        return chromadb.PersistentClient(path=str(place), settings=settings)
    headers = {"Authorization": f"Bearer {place.token}"} if place.token else {}
    if place.api_key:
        headers["x-chroma-token"] = place.api_key
    return chromadb.HttpClient(
        host=place.host,
        port=place.port,
        ssl=place.ssl,
        headers=headers,
        settings=settings,
        tenant=place.tenant or chromadb.DEFAULT_TENANT,
        database=place.database or chromadb.DEFAULT_DATABASE,
    )


def _every_collection(client: ClientAPI, page: int) -> list[ChromaCollection]:
    found: list[ChromaCollection] = []
    while more := client.list_collections(limit=page, offset=len(found)):
        found += more
    return found


def read_pages(
    page: Callable[[int], dict[str, str]], stopped: Callable[[], bool]
) -> dict[str, str]:
    """All pages, read one after the other; some once ``stopped`` is true."""
    found: dict[str, str] = {}
    offset = 0
    while more := page(offset):
        found.update(more)
        offset += len(more)
        if stopped():
            break
    return found


@contextmanager
def _broken_as_ours() -> Iterator[None]:
    """Whatever Chroma raises means one thing here: use ClickHouse and rebuild."""
    try:
        yield
    except IndexBrokenError:
        raise
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        # Chroma's engine raises its own errors, ValueError, httpx errors and, from Rust, panics
        # that are not Exceptions; none of them can be told apart from damage.
        raise IndexBrokenError(
            f"the vector index failed ({type(error).__name__}: {str(error)[:200]}): "
            "searches are answered from ClickHouse while it is rebuilt"
        ) from error


def _where(conditions: Sequence[Condition]) -> dict[str, Any] | None:
    parts: list[dict[str, Any]] = []
    for item in conditions:
        value = list(item.value) if isinstance(item.value, tuple) else item.value
        parts.append({item.field: {f"${item.operator}": value}})
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else {"$and": parts}


def _write(chroma: ChromaCollection, batch: Sequence[EmbeddedDocument]) -> int:
    """Put a batch in, but for what is there already, perhaps from another process. Where only facts
    changed, the vector stays: moving one in the graph costs over ten times as much, even to the
    place where it is. Returns how many were put in."""
    ids = [item.document.document_id for item in batch]
    found = chroma.get(ids=ids, include=["documents", "metadatas"])
    texts = dict(zip(found["ids"], found["documents"] or [], strict=True))
    fields = {
        document_id: metadata or {}
        for document_id, metadata in zip(found["ids"], found["metadatas"] or [], strict=True)
    }
    batch = [
        item
        for item in batch
        if _hash(fields.get(item.document.document_id)) != item.document.content_hash
    ]
    same = [item for item in batch if texts.get(item.document.document_id) == item.document.text]
    if same:
        chroma.update(
            ids=[item.document.document_id for item in same],
            # Metadata is merged: a field that went away is taken out by name.
            metadatas=[
                {**dict.fromkeys(fields[item.document.document_id]), **_theirs(item.document)}
                for item in same
            ],
        )
    unchanged = {item.document.document_id for item in same}
    other = [item for item in batch if item.document.document_id not in unchanged]
    if other:
        _place(chroma, other, texts.keys())
    return len(batch)


def _place(
    chroma: ChromaCollection, batch: Sequence[EmbeddedDocument], there: Collection[str]
) -> None:
    stale = [item.document.document_id for item in batch if item.document.document_id in there]
    if stale:
        chroma.delete(ids=stale)
    chroma.upsert(
        ids=[item.document.document_id for item in batch],
        embeddings=[item.vector for item in batch],
        documents=[item.document.text for item in batch],
        metadatas=[_theirs(item.document) for item in batch],
    )


def _hash(metadata: Mapping[str, Any] | None) -> str:
    return str((metadata or {}).get(HASH_FIELD, ""))


def _theirs(document: Document) -> dict[str, Any]:
    values = {
        field: list(value) if isinstance(value, tuple) else value
        for field, value in document.metadata.items()
    }
    return {**values, HASH_FIELD: document.content_hash}


def _ours(metadata: Mapping[str, Any] | None) -> dict[str, MetadataValue]:
    return {
        field: tuple(map(str, value)) if isinstance(value, list | tuple) else value
        for field, value in (metadata or {}).items()
        if field != HASH_FIELD
    }
