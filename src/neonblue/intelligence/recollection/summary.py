"""A short text over search hits: by the language model if it stays grounded, else by rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from neonblue.intelligence.recollection.description import percent
from neonblue.llm.language_model import LanguageModel
from neonblue.llm.narration import Narration, narrate
from neonblue.memory.search import Hit
from neonblue.models.written_text import fenced

TASK = (
    "Summarise for an experimenter what these past records say about the question. Name the "
    "records that matter as `record` spells them.\n\nQuestion: "
)
MOST_IN_PROMPT = 8
EXCERPT = 700


def summarise_hits(
    model: LanguageModel | None, query: str, hits: Sequence[Hit], names: Collection[str] = ()
) -> Narration:
    """What the hits say about the question, each sentence from the records that it cites.

    ``query`` names no users; ``names`` are experiments that there are, found or not.
    """
    evidence = {f"r{n}": _record(hit) for n, hit in enumerate(hits[:MOST_IN_PROMPT], 1)}
    return narrate(
        model,
        task=TASK + fenced(query[:EXCERPT]),
        evidence=evidence,
        by_rule=lambda: by_rule(hits),
        known_names=names,
    )


def by_rule(hits: Sequence[Hit]) -> str:
    """Counts of outcomes, and the best and worst improvement among the hits."""
    if not hits:
        return "nothing in the memory resembles this; finished experiments enter it by themselves"
    nearest = hits[0].document
    parts = [f"{len(hits)} found, nearest {nearest.document_id} ({hits[0].similarity:.2f})"]
    outcomes = Counter(str(h.document.metadata["outcome"]) for h in hits if _has(h, "outcome"))
    if outcomes:
        parts.append(", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common()))
    measured = [hit for hit in hits if _has(hit, "improvement")]
    if measured:
        best = max(measured, key=_improvement)
        worst = min(measured, key=_improvement)
        parts.append(f"best {best.document.document_id} {percent(_improvement(best))}")
        if worst is not best:
            parts.append(f"worst {worst.document.document_id} {percent(_improvement(worst))}")
    return "; ".join(parts)


def _record(hit: Hit) -> dict[str, Any]:
    document = hit.document
    return {
        "record": document.document_id,
        "similarity": round(hit.similarity, 2),
        "text": fenced(document.text[:EXCERPT]),
        "improvement": document.metadata.get("improvement"),
        "outcome": document.metadata.get("outcome"),
    }


def _has(hit: Hit, field: str) -> bool:
    return hit.document.metadata.get(field) is not None


def _improvement(hit: Hit) -> float:
    value = hit.document.metadata["improvement"]
    return float(value) if isinstance(value, int | float) else 0.0
