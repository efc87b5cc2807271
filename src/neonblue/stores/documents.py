"""Documents in ClickHouse: text, metadata and vector; the truth that the vector index mirrors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from neonblue.stores.document_filter import Condition, compile_conditions
from neonblue.stores.forgetting import hashes

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from neonblue.stores.database import Database

MetadataValue = str | float | tuple[str, ...]
# A row may become visible after one that was recorded later.
OVERLAP = timedelta(seconds=2)
COLUMNS = "document_id, text, text_values, number_values, list_values, recorded_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A text with typed metadata. Empty texts and lists in the metadata are left out."""

    document_id: str
    text: str
    metadata: Mapping[str, MetadataValue]
    recorded_at: datetime | None = None

    @property
    def content_hash(self) -> str:
        """SHA-256 of text and metadata: equal means there is nothing to do."""
        content = json.dumps([self.text, self.metadata], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedDocument:
    """A document with its vector and the model that made it."""

    document: Document
    vector: NDArray[np.float32]
    fingerprint: str


class Documents:
    """The memory's documents, one row each, replaced when they change."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, collection: str, documents: Sequence[EmbeddedDocument]) -> None:
        """Store or replace documents; acknowledged when it returns."""
        self._database.insert("documents", _arrow(collection, documents))

    def get(self, collection: str, document_ids: Sequence[str]) -> dict[str, Document]:
        """Those that exist, by id."""
        rows = self._database.rows(
            f"""
            SELECT {COLUMNS} FROM documents FINAL
            WHERE collection = {{collection:String}} AND document_id IN {{ids:Array(String)}}
            """,
            {"collection": collection, "ids": list(document_ids)},
        )
        return {row[0]: _document(*row) for row in rows}

    def hashes(
        self, collection: str, fingerprint: str, document_ids: Sequence[str] | None = None
    ) -> dict[str, str]:
        """The content hash of every document (or of those named) with a vector of this model."""
        only = "" if document_ids is None else "AND document_id IN {ids:Array(String)}"
        rows = self._database.rows(
            f"""
            SELECT document_id, content_hash FROM documents FINAL
            WHERE collection = {{collection:String}} AND fingerprint = {{model:String}} {only}
            """,
            {"collection": collection, "model": fingerprint, "ids": list(document_ids or ())},
        )
        return dict(rows)

    def count(self, collection: str) -> int:
        """How many documents a collection has."""
        row = self._database.row(
            "SELECT count() FROM documents FINAL WHERE collection = {collection:String}",
            {"collection": collection},
        )
        return int(row[0]) if row else 0

    def fingerprints(self) -> dict[str, dict[str, int]]:
        """How many documents each model embedded: collection → fingerprint → count."""
        rows = self._database.rows(
            "SELECT collection, fingerprint, count() FROM documents FINAL GROUP BY 1, 2 ORDER BY 1"
        )
        found: dict[str, dict[str, int]] = {}
        for collection, fingerprint, count in rows:
            found.setdefault(collection, {})[fingerprint] = count
        return found

    def embedded(
        self, collection: str, fingerprint: str, document_ids: Sequence[str]
    ) -> list[EmbeddedDocument]:
        """The named documents with their vectors; those of another model are left out."""
        return self._embedded_where(
            "document_id IN {ids:Array(String)}",
            {"collection": collection, "model": fingerprint, "ids": list(document_ids)},
        )

    def changed_since(
        self,
        collection: str,
        fingerprint: str,
        moment: datetime | None,
        window_seconds: float | None = None,
    ) -> tuple[dict[str, str], datetime | None]:
        """Content hashes of the documents recorded after a moment, and within the window until now
        if there is one, by id, the latest last; and the moment of the latest, or the one given."""
        window = "AND recorded_at > now64(6) - toIntervalMillisecond({window:UInt32})"
        rows = self._database.rows(
            f"""
            SELECT document_id, argMax(content_hash, recorded_at), max(recorded_at) AS latest
            FROM documents
            WHERE collection = {{collection:String}} AND fingerprint = {{model:String}}
              AND recorded_at > {{moment:DateTime64(6)}} {"" if window_seconds is None else window}
            GROUP BY document_id ORDER BY latest
            """,
            {
                "collection": collection,
                "model": fingerprint,
                "moment": moment or datetime(1970, 1, 2, tzinfo=UTC),
                "window": round((window_seconds or 0) * 1000),
            },
        )
        return {name: digest for name, digest, _ in rows}, rows[-1][2] if rows else moment

    def latest(self, collection: str) -> datetime | None:
        """When the last document of a collection was recorded."""
        rows = self._database.rows(
            """
            SELECT recorded_at FROM documents WHERE collection = {collection:String}
            ORDER BY recorded_at DESC LIMIT 1
            """,
            {"collection": collection},
        )
        moment: datetime | None = rows[0][0] if rows else None
        return moment

    def not_of(self, collection: str, fingerprint: str, size: int = 256) -> list[Document]:
        """Some documents whose vector is of another model: what re-embedding has left to do."""
        rows = self._database.rows(
            f"""
            SELECT {COLUMNS} FROM documents FINAL
            WHERE collection = {{collection:String}} AND fingerprint != {{model:String}}
            ORDER BY document_id LIMIT {{size:UInt32}}
            """,
            {"collection": collection, "model": fingerprint, "size": size},
        )
        return [_document(*row) for row in rows]

    def embedded_pages(
        self, collection: str, fingerprint: str, size: int = 5000
    ) -> Iterator[list[EmbeddedDocument]]:
        """Every document with its vector of this model, by id, page by page."""
        after = ""
        while page := self._embedded_where(
            "document_id > {after:String} ORDER BY document_id LIMIT {size:UInt32}",
            {"collection": collection, "model": fingerprint, "after": after, "size": size},
        ):
            yield page
            after = page[-1].document.document_id

    def _embedded_where(
        self, condition: str, parameters: Mapping[str, Any]
    ) -> list[EmbeddedDocument]:
        """Through Arrow: as Python numbers, vectors would take ten times as long."""
        table = self._database.table(
            f"""
            SELECT {COLUMNS}, vector FROM documents FINAL
            WHERE collection = {{collection:String}} AND fingerprint = {{model:String}}
              AND {condition}
            """,
            parameters,
        )
        return _embedded_table(table, str(parameters["model"]))

    def nearest(
        self,
        collection: str,
        vector: Sequence[float],
        *,
        fingerprint: str,
        limit: int,
        conditions: Sequence[Condition] = (),
    ) -> list[tuple[Document, float]]:
        """The exact nearest documents with their cosine similarity, nearest first."""
        where, parameters = compile_conditions(conditions)
        rows = self._database.rows(
            f"""
            SELECT {COLUMNS}, cosineDistance(vector, {{vector:Array(Float32)}}) AS distance
            FROM documents FINAL
            WHERE collection = {{collection:String}} AND fingerprint = {{model:String}} {where}
            ORDER BY distance, document_id LIMIT {{limit:UInt32}}
            """,
            {
                "collection": collection,
                "model": fingerprint,
                "vector": list(map(float, vector)),
                "limit": limit,
                **parameters,
            },
        )
        return [(_document(*row[:6]), 1.0 - row[6]) for row in rows]

    def select(
        self, collection: str, conditions: Sequence[Condition] = (), limit: int = 1000
    ) -> list[Document]:
        """Documents that meet the conditions, newest first."""
        where, parameters = compile_conditions(conditions)
        rows = self._database.rows(
            f"""
            SELECT {COLUMNS} FROM documents FINAL
            WHERE collection = {{collection:String}} {where}
            ORDER BY recorded_at DESC, document_id LIMIT {{limit:UInt32}}
            """,
            {"collection": collection, "limit": limit, **parameters},
        )
        return [_document(*row) for row in rows]

    def erase(self, collection: str, document_ids: Sequence[str]) -> None:
        """Remove documents from disk for good, earlier versions too."""
        self._database.command(
            """
            ALTER TABLE documents DELETE
            WHERE collection = {collection:String}
              AND hex(sipHash128(document_id)) IN {hashes:Array(String)}
            SETTINGS mutations_sync = 2
            """,
            {"collection": collection, "hashes": hashes(self._database, document_ids)},
        )


class DocumentChanges:
    """What other processes recorded in a collection since this one last asked. Not safe between
    threads."""

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


def _document(
    document_id: str,
    text: str,
    texts: Mapping[str, str],
    numbers: Mapping[str, float],
    lists: Mapping[str, Sequence[str]],
    recorded_at: datetime,
) -> Document:
    metadata: dict[str, MetadataValue] = {**texts, **numbers}
    metadata.update({field: tuple(values) for field, values in lists.items()})
    return Document(document_id=document_id, text=text, metadata=metadata, recorded_at=recorded_at)


def _embedded_table(table: pa.Table, fingerprint: str) -> list[EmbeddedDocument]:
    import numpy as np

    if table.num_rows == 0:
        return []
    columns = [table.column(name).to_pylist() for name in COLUMNS.split(", ")]
    flat = table.column("vector").combine_chunks().flatten().to_numpy(zero_copy_only=False)
    vectors = np.asarray(flat, dtype=np.float32).reshape(table.num_rows, -1)
    return [
        EmbeddedDocument(
            document=_document(name, text, dict(texts), dict(numbers), dict(lists), moment),
            vector=vector,
            fingerprint=fingerprint,
        )
        for (name, text, texts, numbers, lists, moment), vector in zip(
            zip(*columns, strict=True), vectors, strict=True
        )
    ]


def _arrow(collection: str, documents: Sequence[EmbeddedDocument]) -> pa.Table:
    import pyarrow as pa

    texts = pa.map_(pa.string(), pa.string())
    numbers = pa.map_(pa.string(), pa.float64())
    lists = pa.map_(pa.string(), pa.list_(pa.string()))
    split = [_split(item.document.metadata) for item in documents]
    return pa.table(
        {
            "collection": [collection] * len(documents),
            "document_id": [item.document.document_id for item in documents],
            "text": [item.document.text for item in documents],
            "text_values": pa.array([parts[0] for parts in split], type=texts),
            "number_values": pa.array([parts[1] for parts in split], type=numbers),
            "list_values": pa.array([parts[2] for parts in split], type=lists),
            "content_hash": [item.document.content_hash for item in documents],
            "fingerprint": [item.fingerprint for item in documents],
            "vector": _vectors([item.vector for item in documents]),
        }
    )


def _vectors(vectors: Sequence[NDArray[np.float32]]) -> pa.ListArray:
    """Laid end to end at once: a list of arrays is read number by number."""
    import numpy as np
    import pyarrow as pa

    offsets = np.cumsum([0, *map(len, vectors)], dtype=np.int32)
    numbers = np.concatenate([np.zeros(0, np.float32), *vectors])
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(numbers, pa.float32()))


Texts = list[tuple[str, str]]
Numbers = list[tuple[str, float]]
Lists = list[tuple[str, list[str]]]


def _split(metadata: Mapping[str, MetadataValue]) -> tuple[Texts, Numbers, Lists]:
    texts: Texts = []
    numbers: Numbers = []
    lists: Lists = []
    for field, value in metadata.items():
        if isinstance(value, str):
            texts.append((field, value))
        elif isinstance(value, tuple):
            lists.append((field, list(value)))
        else:
            numbers.append((field, float(value)))
    return texts, numbers, lists
