"""Hybrid search: meaning, words and metadata together, page by page, with reasons.

A document's score is its cosine similarity plus a share of its BM25 score, both computed for every
candidate of either side, so a score does not depend on the page or on how it was found.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neonblue.errors import InvalidInputError
from neonblue.memory.collections import Collection
from neonblue.memory.contents import Contents, words
from neonblue.memory.filters import Selection, meets, parse_filters
from neonblue.memory.library import Memory
from neonblue.stores.document_filter import Condition
from neonblue.stores.documents import Document

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

KEYWORD_SHARE = 0.5
MAX_QUERY_CHARACTERS = 4000
MAX_LIMIT = 50
MAX_OFFSET = 500
SEMANTIC_POOL = 30
KEYWORD_POOL = 10
# How many more neighbours are asked for than a filter leaves on average, and at most: 1,000 cost
# 8 ms among 100,000 documents, and the time grows with their number.
WIDER = 1.2
WIDEST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A document found: ``similarity`` is the cosine, ``keyword_score`` BM25 in [0, 1)."""

    document: Document
    score: float
    similarity: float
    keyword_score: float
    shared_words: tuple[str, ...]
    matched: tuple[str, ...]

    @property
    def reason(self) -> str:
        """Why it is here, in one line."""
        parts = [f"similarity {self.similarity:.2f}"]
        if self.shared_words:
            parts.append("words " + ", ".join(self.shared_words))
        if self.matched:
            parts.append("meets " + ", ".join(self.matched))
        return "; ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPage:
    """One page of hits; ``note`` says when the index is away or the query was cut."""

    hits: tuple[Hit, ...]
    next_cursor: str | None
    answered_by: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scored:
    document_id: str
    similarity: float
    keyword_score: float

    @property
    def score(self) -> float:
        return self.similarity + KEYWORD_SHARE * self.keyword_score


def search(
    memory: Memory,
    collection: Collection,
    query: str,
    *,
    filters: Mapping[str, Any] | None = None,
    limit: int = 10,
    cursor: str | None = None,
    at_least: float | None = None,
) -> SearchPage:
    """Find documents; ``at_least`` is the smallest cosine similarity of a hit."""
    cleaned, note = _checked_query(query)
    _check_limit(limit)
    conditions = parse_filters(collection, filters) if filters else ()
    memory.require_one_model()
    key = _cursor_key(collection, cleaned, conditions, at_least)
    offset = _decode_cursor(cursor, key) if cursor else 0
    ranked = _ranked(memory, collection, cleaned, conditions, offset + limit + 1)
    if at_least is not None:
        ranked = [item for item in ranked if item.similarity >= at_least]
    shown = ranked[offset : offset + limit]
    more = len(ranked) > offset + limit and offset + limit <= MAX_OFFSET
    state = memory.index_states.of(collection.name)
    notes = (note, _away(state.phase, state.done, state.total), _unread(memory, collection))
    return SearchPage(
        hits=_hits(memory, collection, cleaned, conditions, shown),
        next_cursor=_encode_cursor(offset + limit, key) if more else None,
        answered_by="index" if state.phase == "ready" else "clickhouse",
        note="; ".join(part for part in notes if part),
    )


def _ranked(
    memory: Memory,
    collection: Collection,
    query: str,
    conditions: Sequence[Condition],
    depth: int,
) -> list[_Scored]:
    if any(condition.value == () for condition in conditions):
        return []  # one of no values: nothing meets that
    vector = memory.embed_query(query)
    contents = memory.contents(collection)
    scope = _Scope(memory, collection, conditions, contents)
    similar = dict(scope.nearest(vector, SEMANTIC_POOL + 2 * depth))
    keywords = None if contents is None else contents.words.score(query)
    if keywords is not None:
        worded = [name for name, _ in keywords.best(KEYWORD_POOL + depth)]
        others = scope.allowed([name for name in worded if name not in similar])
        similar.update(memory.live_index.similarities(collection, vector, others))
    scored = [
        _Scored(
            document_id=name,
            similarity=similarity,
            keyword_score=0.0 if keywords is None else keywords.of(name),
        )
        for name, similarity in similar.items()
    ]
    return sorted(scored, key=lambda item: (-item.score, item.document_id))


class _Scope:
    """The documents that meet the conditions of one search."""

    def __init__(
        self,
        memory: Memory,
        collection: Collection,
        conditions: Sequence[Condition],
        contents: Contents | None,
    ) -> None:
        self._memory, self._collection, self._conditions = memory, collection, conditions
        chosen = bool(conditions) and contents is not None
        self._selection = contents.facts.select(conditions) if chosen and contents else None

    def allowed(self, names: Sequence[str]) -> list[str]:
        """Those that meet the conditions, in order."""
        if not self._conditions or not names:
            return list(names)
        if self._selection is not None:
            return self._selection.among(names)
        documents = self._memory.live_index.get(self._collection, names)
        return [
            name
            for name in names
            if name in documents and meets(documents[name].metadata, self._conditions)
        ]

    def nearest(self, vector: NDArray[np.float32], pool: int) -> list[tuple[str, float]]:
        """The nearest that meet the conditions, nearest first."""
        if not self._conditions:
            return self._memory.live_index.nearest(self._collection, vector, pool)
        if self._selection is None:
            found = self._memory.live_index.nearest(
                self._collection, vector, pool, self._conditions
            )
            allowed = set(self.allowed([name for name, _ in found]))
            return [(name, similarity) for name, similarity in found if name in allowed]
        return self._widened(self._selection, vector, pool) or self._one_by_one(
            self._selection, vector, pool
        )

    def _widened(
        self, selection: Selection, vector: NDArray[np.float32], pool: int
    ) -> list[tuple[str, float]]:
        """Filtered after the fact, if that leaves enough; else nothing."""
        wide = int(WIDER * pool * selection.of / max(selection.count, 1))
        if wide > WIDEST:
            return []
        found = dict(self._memory.live_index.nearest(self._collection, vector, wide))
        kept = [(name, found[name]) for name in selection.among(found)]
        return kept[:pool] if len(kept) >= pool else []

    def _one_by_one(
        self, selection: Selection, vector: NDArray[np.float32], pool: int
    ) -> list[tuple[str, float]]:
        names = selection.nearest(vector, pool)
        near = self._memory.live_index.similarities(self._collection, vector, names)
        return sorted(near.items(), key=lambda item: (-item[1], item[0]))


def _hits(
    memory: Memory,
    collection: Collection,
    query: str,
    conditions: Sequence[Condition],
    shown: Sequence[_Scored],
) -> tuple[Hit, ...]:
    documents = memory.live_index.get(collection, [item.document_id for item in shown])
    asked = set(words(query))
    matched = tuple(f"{item.field} {item.operator} {item.value!r}" for item in conditions)
    return tuple(
        Hit(
            document=documents[item.document_id],
            score=item.score,
            similarity=item.similarity,
            keyword_score=item.keyword_score,
            shared_words=tuple(sorted(asked & set(words(documents[item.document_id].text))))[:8],
            matched=matched,
        )
        for item in shown
        if item.document_id in documents
    )


def _checked_query(query: str) -> tuple[str, str]:
    cleaned = " ".join(query.split())
    if not cleaned:
        raise InvalidInputError(
            "the query is empty: say in words what you look for, "
            "for example 'pricing page tests that raised revenue'"
        )
    if len(cleaned) <= MAX_QUERY_CHARACTERS:
        return cleaned, ""
    cut = cleaned[:MAX_QUERY_CHARACTERS].rsplit(" ", 1)[0]
    return cut, f"the query was cut to its first {len(cut.split())} words"


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInputError(f"limit {limit!r} is out of range: ask for 1 to {MAX_LIMIT}")


def _away(phase: str, done: int, total: int) -> str:
    if phase == "ready":
        return ""
    progress = f" ({done} of {total} documents)" if total else ""
    return f"answered from ClickHouse: the vector index is {phase}{progress}"


def _unread(memory: Memory, collection: Collection) -> str:
    if memory.contents(collection, patience_seconds=0) is not None:
        return ""
    return "found by meaning alone: the words of the documents are still being read"


def _cursor_key(
    collection: Collection, query: str, conditions: Sequence[Condition], at_least: float | None
) -> str:
    asked = repr((collection.name, query, conditions, at_least))
    return hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _encode_cursor(offset: int, key: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([offset, key]).encode()).decode()


def _decode_cursor(cursor: str, key: str) -> int:
    try:
        offset, made_for = json.loads(base64.urlsafe_b64decode(cursor.encode()))
    except (ValueError, binascii.Error, UnicodeError, TypeError) as error:
        raise InvalidInputError(
            f"{cursor!r} is not a cursor of this search: leave it out to begin at the first page"
        ) from error
    if made_for != key or not isinstance(offset, int) or not 0 <= offset <= MAX_OFFSET:
        raise InvalidInputError(
            "the cursor belongs to another query or filter: repeat the same one, "
            "or leave the cursor out to begin at the first page"
        )
    return offset
