"""Ideas from what a kind of change did over several experiments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from neonblue.intelligence.recollection.description import percent
from neonblue.intelligence.recollection.patterns import EVERY_INDUSTRY, general_idea
from neonblue.intelligence.recommendation.idea import Evidence, Idea
from neonblue.intelligence.recommendation.remembered import (
    experiment_link,
    improvement_of,
    number,
)
from neonblue.intelligence.segment_memory import SEGMENT
from neonblue.memory.collections import EXPERIMENTS
from neonblue.memory.library import Memory
from neonblue.models.written_text import fenced
from neonblue.stores.documents import Document, MetadataValue

WINNERS_SHOWN = 2
# As many of the newest experiments of a pattern are looked up for winners.
NEWEST = 20


def from_patterns(memory: Memory, patterns: Sequence[Document], industry: str) -> Iterator[Idea]:
    """Another change of a kind that has worked, in general words; none of kinds unknown to us."""
    for document in patterns:
        known = document.metadata
        kind, place = str(known.get("optimization_type", "")), place_of(known)
        general = general_idea(kind)
        if kind == SEGMENT or not general or not _has_worked(known):
            continue
        if industry and place and place != industry:
            continue
        winners = _winners_of(memory, cast("tuple[str, ...]", known.get("experiments", ())))
        metric = str(winners[0].metadata.get("metric", "")) if winners else ""
        yield Idea(
            source="pattern",
            kind=kind,
            industry=place or industry,
            hypothesis=f"If we {general}, {metric or 'the primary metric'} improves, "
            f"{_as_shown(known)}.",
            changes=(general,),
            core=general,
            about=f"{kind.replace('_', ' ')}: {general}",
            evidence=(
                Evidence(
                    kind="pattern",
                    reference=document.document_id,
                    detail=fenced(document.text.splitlines()[0]),
                ),
                *(experiment_link(one) for one in winners),
            ),
            metric=metric,
        )


def place_of(known: Mapping[str, MetadataValue]) -> str:
    """The industry that a pattern is about; '' for all of them together."""
    industry = str(known.get("industry", ""))
    return "" if industry == EVERY_INDUSTRY else industry


def _winners_of(memory: Memory, names: Sequence[str]) -> list[Document]:
    found = memory.live_index.get(EXPERIMENTS, list(names)[-NEWEST:]).values()
    winners = [item for item in found if item.metadata.get("outcome") == "success"]
    return sorted(winners, key=improvement_of, reverse=True)[:WINNERS_SHOWN]


def _has_worked(known: Mapping[str, MetadataValue]) -> bool:
    """Whether a kind of change ever succeeded, or is better than nothing over all its tests."""
    if known.get("outcome") == "failure":
        return False
    return number(known.get("successes")) > 0 or number(known.get("improvement_lower")) > 0


def _as_shown(known: Mapping[str, MetadataValue]) -> str:
    successes, tests = int(number(known.get("successes"))), int(number(known.get("tests")))
    if successes:
        return f"as {successes} of {tests} such tests showed"
    return f"as {tests} such tests together showed ({percent(number(known.get('improvement')))})"
