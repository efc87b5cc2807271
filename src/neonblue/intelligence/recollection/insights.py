"""What similar experiments did, for a forecast, a recommendation or another tool's answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neonblue.intelligence.recollection.category import category_of
from neonblue.intelligence.recollection.description import plan_text
from neonblue.memory.collections import EXPERIMENTS
from neonblue.memory.library import Memory
from neonblue.memory.search import Hit, search
from neonblue.models import Experiment
from neonblue.stores.documents import Document, MetadataValue

# Two texts of MiniLM below this share a language, not a subject.
LEAST_SIMILARITY = 0.35


@dataclass(frozen=True, slots=True, kw_only=True)
class PastExperiment:
    """A remembered experiment and how near it is; lifts are fractions, improvement is signed so
    that positive is better."""

    experiment_id: str
    name: str
    category: str
    industry: str
    similarity: float
    outcome: str | None
    decision: str
    metric: str
    improvement: float | None
    improvement_standard_error: float | None
    relative_lift: float | None
    conversion_rate: float | None
    sample_size: float | None
    duration_days: float | None
    change: str
    text: str


def similar_to(
    memory: Memory, experiment: Experiment, *, limit: int = 5
) -> tuple[PastExperiment, ...]:
    """Past experiments that resemble a plan, nearest first, without the experiment itself."""
    return similar_to_text(
        memory,
        plan_text(experiment, category_of(experiment)),
        limit=limit,
        apart_from=experiment.experiment_id,
    )


def similar_to_text(
    memory: Memory,
    text: str,
    *,
    limit: int = 5,
    apart_from: str = "",
    at_least: float = LEAST_SIMILARITY,
) -> tuple[PastExperiment, ...]:
    """Past experiments that resemble a text, nearest first."""
    page = search(memory, EXPERIMENTS, text, limit=min(50, limit + 1), at_least=at_least)
    found = [past_experiment(hit) for hit in page.hits]
    return tuple(item for item in found if item.experiment_id != apart_from)[:limit]


def past_experiment(hit: Hit) -> PastExperiment:
    """A hit as what a reader wants to know of it."""
    return from_document(hit.document, similarity=hit.similarity)


def from_document(document: Document, *, similarity: float) -> PastExperiment:
    """A remembered experiment from its document."""
    known = document.metadata
    return PastExperiment(
        experiment_id=document.document_id,
        name=_text(known.get("name")),
        category=_text(known.get("type")),
        industry=_text(known.get("industry")),
        similarity=similarity,
        outcome=_text(known.get("outcome")) or None,
        decision=_text(known.get("decision")),
        metric=_text(known.get("metric")),
        improvement=_number(known.get("improvement")),
        improvement_standard_error=_number(known.get("improvement_standard_error")),
        relative_lift=_number(known.get("relative_lift")),
        conversion_rate=_number(known.get("conversion_rate")),
        sample_size=_number(known.get("sample_size")),
        duration_days=_number(known.get("duration_days")),
        change=_text(known.get("optimization_applied")),
        text=document.text,
    )


def told_change(name: str, change: str) -> str:
    """The change in words; the name too where the variants only have ids."""
    return change if len(change.split()) > 1 else f"{name} {change}".strip()


def with_outcome(past: Sequence[PastExperiment]) -> list[PastExperiment]:
    """Those that taught something about their effect."""
    return [item for item in past if item.outcome is not None]


def _text(value: MetadataValue | None) -> str:
    return value if isinstance(value, str) else ""


def _number(value: MetadataValue | None) -> float | None:
    return float(value) if isinstance(value, int | float) else None
