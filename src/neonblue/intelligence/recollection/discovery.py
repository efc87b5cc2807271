"""Hits in the memory joined with what ClickHouse knows of them.

"Experiments like our pricing test that improved revenue" is a search by meaning, a condition on
what the data says now, and an order that the question asks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from neonblue.errors import InvalidInputError
from neonblue.intelligence.recollection.category import category_of
from neonblue.intelligence.recollection.description import plan_text
from neonblue.memory.collections import EXPERIMENTS, Collection
from neonblue.memory.library import Memory
from neonblue.memory.search import Hit, search
from neonblue.models import Experiment

if TYPE_CHECKING:
    from neonblue.stores import Store

Order = Literal["relevance", "revenue_impact", "improvement", "newest"]
ORDER_FIELDS: dict[Order, str] = {
    "revenue_impact": "revenue_impact",
    "improvement": "improvement",
    "newest": "timestamp",
}
WIDEST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """A hit and, for an experiment, how it stands in ClickHouse now (None when it is gone)."""

    hit: Hit
    experiment: Experiment | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Discoveries:
    """A page of discoveries; the cursor continues the same question."""

    found: tuple[Discovery, ...]
    next_cursor: str | None
    answered_by: str
    note: str


def discover(
    store: Store,
    memory: Memory,
    collection: Collection,
    query: str,
    *,
    like_experiment: str | None = None,
    filters: Mapping[str, Any] | None = None,
    at_least: float | None = None,
    order: Order = "relevance",
    limit: int = 10,
    cursor: str | None = None,
) -> Discoveries:
    """Search, join and order. ``like_experiment`` adds that experiment's plan to the question.

    Ordered by anything but relevance, the answer is one page: the best ``limit`` of the 50 most
    relevant.
    """
    if order != "relevance" and cursor:
        raise InvalidInputError(
            f"pages exist only by relevance: leave out the cursor, or order={order!r}"
        )
    page = search(
        memory,
        collection,
        _question(store, query, like_experiment),
        filters=filters,
        limit=limit if order == "relevance" else WIDEST,
        cursor=cursor,
        at_least=at_least,
    )
    hits = [hit for hit in page.hits if hit.document.document_id != like_experiment]
    ordered = _ordered(hits, collection, order)[:limit]
    known = _plans(store, collection, ordered)
    return Discoveries(
        found=tuple(
            Discovery(hit=hit, experiment=known.get(hit.document.document_id)) for hit in ordered
        ),
        next_cursor=page.next_cursor if order == "relevance" else None,
        answered_by=page.answered_by,
        note=page.note,
    )


def _question(store: Store, query: str, like_experiment: str | None) -> str:
    if like_experiment is None:
        return query
    plan = store.experiments.get(like_experiment)
    return f"{query}\n{plan_text(plan, category_of(plan))}".strip()


def _ordered(hits: list[Hit], collection: Collection, order: Order) -> list[Hit]:
    if order == "relevance":
        return hits
    field = ORDER_FIELDS[order]
    if field not in collection.fields:
        raise InvalidInputError(
            f"{collection.name} cannot be ordered by {order!r}: use relevance or newest"
        )
    known = [hit for hit in hits if isinstance(hit.document.metadata.get(field), float | int)]
    return sorted(known, key=lambda hit: -float(hit.document.metadata[field]))  # type: ignore[arg-type]


def _plans(store: Store, collection: Collection, hits: list[Hit]) -> dict[str, Experiment]:
    if collection is not EXPERIMENTS or not hits:
        return {}
    return store.experiments.defined()
