"""Ideas from confirmed segments: who should see a change, and who should not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from neonblue.intelligence.recommendation.idea import Evidence, Idea
from neonblue.intelligence.recommendation.pattern_ideas import place_of
from neonblue.intelligence.recommendation.segment_advice import advice_of
from neonblue.intelligence.segment_memory import is_current
from neonblue.models.written_text import fenced
from neonblue.stores.documents import Document


def from_segments(documents: Sequence[Document]) -> Iterator[Idea]:
    """One idea a segment that its figures give a reason for."""
    for document in documents:
        advice = advice_of(document) if is_current(document) else None
        if advice is None:
            continue
        told = document.text.splitlines()[0]
        yield Idea(
            source="segment",
            kind="targeting",
            industry=place_of(document.metadata),
            hypothesis=f"{advice.hypothesis} {told}",
            changes=(advice.change,),
            core=f"{advice.change} {told}",
            about=told,
            evidence=(
                Evidence(kind="segment", reference=document.document_id, detail=fenced(told)),
            ),
            metric=str(document.metadata.get("metric", "")),
            segment=document.document_id,
        )
