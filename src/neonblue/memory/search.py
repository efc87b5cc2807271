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
from typing import Any

from neonblue.errors import InvalidInputError
from neonblue.memory.collections import Collection
from neonblue.memory.filters import meets, parse_filters
from neonblue.memory.keyword_index import words
from neonblue.memory.library import Memory
from neonblue.stores.document_filter import Condition
from neonblue.stores.documents import Document

KEYWORD_SHARE = 0.5
MAX_QUERY_CHARACTERS = 4000
MAX_LIMIT = 50
MAX_OFFSET = 500
SEMANTIC_POOL = 30
KEYWORD_POOL = 10


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
    conditions = parse_filters(collection, filters)
    memory.require_one_model()
    key = _cursor_key(collection, cleaned, conditions, at_least)
    offset = _decode_cursor(cursor, key) if cursor else 0
    ranked = _ranked(memory, collection, cleaned, conditions, offset + limit + 1)
    if at_least is not None:
        ranked = [item for item in ranked if item.similarity >= at_least]
    shown = ranked[offset : offset + limit]
    more = len(ranked) > offset + limit and offset + limit <= MAX_OFFSET
    state = memory.state(collection)
    notes = (note, _away(state.phase, state.done, state.total))
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
    vector = memory.embed_query(query)
    keywords = memory.keywords(collection).score(query)
    pool = SEMANTIC_POOL + 2 * depth
    similar = dict(_nearest(memory, collection, vector, conditions, pool))
    worded = dict(keywords.best(KEYWORD_POOL + depth))
    only_worded = _allowed(memory, collection, conditions, [i for i in worded if i not in similar])
    similar.update(memory.similarities(collection, vector, only_worded))
    scored = [
        _Scored(document_id=name, similarity=similarity, keyword_score=keywords.of(name))
        for name, similarity in similar.items()
    ]
    return sorted(scored, key=lambda item: (-item.score, item.document_id))


def _nearest(
    memory: Memory, collection: Collection, vector: Any, conditions: Sequence[Condition], pool: int
) -> list[tuple[str, float]]:
    """Filtered after the fact if that leaves enough: Chroma's own filter is 50 times as slow."""
    if not conditions:
        return memory.nearest(collection, vector, pool)
    wide = memory.nearest(collection, vector, 4 * pool)
    allowed = set(_allowed(memory, collection, conditions, [name for name, _ in wide]))
    kept = [(name, similarity) for name, similarity in wide if name in allowed]
    if len(kept) >= pool or len(wide) < 4 * pool:
        return kept[:pool]
    found = memory.nearest(collection, vector, pool, conditions)
    allowed = set(_allowed(memory, collection, conditions, [name for name, _ in found]))
    return [(name, similarity) for name, similarity in found if name in allowed]


def _allowed(
    memory: Memory, collection: Collection, conditions: Sequence[Condition], names: Sequence[str]
) -> list[str]:
    if not conditions or not names:
        return list(names)
    documents = memory.get(collection, names)
    return [
        name for name in names if name in documents and meets(documents[name].metadata, conditions)
    ]


def _hits(
    memory: Memory,
    collection: Collection,
    query: str,
    conditions: Sequence[Condition],
    shown: Sequence[_Scored],
) -> tuple[Hit, ...]:
    documents = memory.get(collection, [item.document_id for item in shown])
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
