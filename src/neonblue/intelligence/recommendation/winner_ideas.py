"""Ideas from winners: carried over from another industry, or taken further where they won."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from neonblue.intelligence.recollection.description import percent
from neonblue.intelligence.recollection.patterns import kind_of
from neonblue.intelligence.recommendation.idea import Idea
from neonblue.intelligence.recommendation.remembered import (
    change_told,
    experiment_link,
    improvement_of,
)
from neonblue.stores.documents import Document


def from_winners(winners: Sequence[Document], industry: str) -> Iterator[Idea]:
    """One idea a winner; one whose industry is not known counts as won in one's own."""
    for document in winners:
        elsewhere = str(document.metadata.get("industry", ""))
        transfers = bool(industry and elsewhere and elsewhere != industry)
        yield _transfer(document, industry) if transfers else _step_further(document)


def _transfer(document: Document, industry: str) -> Idea:
    change, metric = change_told(document), _metric(document)
    return Idea(
        source="winner",
        kind=kind_of(document),
        industry=industry,
        hypothesis=f"If we do here what won in {document.metadata['industry']} ({change}), "
        f"{metric} improves here too: it did there by {percent(improvement_of(document))}.",
        changes=(change,),
        core=change,
        about=_about(document),
        evidence=(experiment_link(document),),
        metric=str(document.metadata.get("metric", "")),
    )


def _step_further(document: Document) -> Idea:
    change, metric = change_told(document), _metric(document)
    return Idea(
        source="winner",
        kind=kind_of(document),
        industry=str(document.metadata.get("industry", "")),
        hypothesis=f"If we go further than {document.document_id} did ({change}), {metric} "
        f"improves again: the first step brought {percent(improvement_of(document))}.",
        changes=(f"a bolder version of: {change}",),
        core=change,
        about=_about(document),
        evidence=(experiment_link(document),),
        metric=str(document.metadata.get("metric", "")),
    )


def _metric(document: Document) -> str:
    return str(document.metadata.get("metric", "")) or "the primary metric"


def _about(document: Document) -> str:
    name = str(document.metadata.get("name", "")) or document.document_id.replace("_", " ")
    return f"{name}: {change_told(document)}, for more {_metric(document).replace('_', ' ')}"
