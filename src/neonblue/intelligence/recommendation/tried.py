"""Which past experiments tried the same change as an idea."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from neonblue.intelligence.forecast.past import Record
from neonblue.intelligence.recollection.patterns import kind_of
from neonblue.intelligence.recollection.removal import is_removal
from neonblue.intelligence.recommendation.idea import Idea
from neonblue.memory.library import Memory
from neonblue.stores.documents import Document

# Two texts of MiniLM above this say the same change in other words.
SAME_CHANGE = 0.8


def tried(memory: Memory, record: Record, idea: Idea) -> list[Document]:
    """The experiments whose change is a near-copy of the idea's, either added or taken away."""
    near = record.changes.vectors @ memory.vectors([idea.core])[0]
    return [
        document
        for document, cosine in zip(record.references, near, strict=True)
        if cosine >= SAME_CHANGE and is_removal(kind_of(document)) == is_removal(idea.kind)
    ]


def is_spent(idea: Idea, same: Sequence[Document], industry: str) -> bool:
    """Whether trying it again would bring nothing new.

    What won in another industry is spent once it was tried in one's own, or where nobody knows
    whose industry it was; a step further, once repeats failed as often as they won.
    """
    own = {link.reference for link in idea.evidence}
    if idea.source == "winner" and idea.changes == (idea.core,):
        return any(_was_here(one, industry) for one in same if one.document_id not in own)
    if idea.source != "winner":
        return any(one.document_id not in own for one in same)
    outcomes = [str(one.metadata.get("outcome")) for one in same]
    return outcomes.count("success") <= outcomes.count("failure") and bool(outcomes)


def distinct(memory: Memory, ideas: Sequence[Idea], most_a_kind: int) -> list[int]:
    """The places of ideas that differ, in order: the first of near-copies, and few of a kind."""
    vectors = memory.vectors([idea.core for idea in ideas])
    kept: list[int] = []
    kinds: Counter[tuple[str, str]] = Counter()
    for row, idea in enumerate(ideas):
        place = (idea.kind, idea.segment)
        near = vectors[kept] @ vectors[row] if kept else ()
        copies = [
            other
            for other, cosine in zip(kept, near, strict=True)
            if cosine >= SAME_CHANGE and is_removal(ideas[other].kind) == is_removal(idea.kind)
        ]
        if not copies and kinds[place] < most_a_kind:
            kinds[place] += 1
            kept.append(row)
    return kept


def _was_here(document: Document, industry: str) -> bool:
    return str(document.metadata.get("industry", "")) in ("", industry)
