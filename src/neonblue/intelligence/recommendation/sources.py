"""Where ideas come from: patterns, winners, the funnel, and confirmed segments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from neonblue.behavior.conversion_events import EventKinds
from neonblue.intelligence.recommendation.funnel_ideas import from_funnel
from neonblue.intelligence.recommendation.idea import Idea
from neonblue.intelligence.recommendation.pattern_ideas import from_patterns
from neonblue.intelligence.recommendation.segment_ideas import from_segments
from neonblue.intelligence.recommendation.winner_ideas import from_winners
from neonblue.memory.collections import EXPERIMENTS, OPTIMIZATION_PATTERNS
from neonblue.memory.library import Memory
from neonblue.memory.search import MAX_LIMIT, search

if TYPE_CHECKING:
    from neonblue.stores import Store


def ideas(
    store: Store, memory: Memory, goal: str, industry: str, kinds: EventKinds
) -> Iterator[Idea]:
    """Every idea that there is evidence for, in no order; ``kinds`` says what converts."""
    patterns = search(memory, OPTIMIZATION_PATTERNS, goal, limit=MAX_LIMIT).hits
    winners = search(
        memory, EXPERIMENTS, goal, filters={"outcome": "success"}, limit=MAX_LIMIT
    ).hits
    yield from from_patterns(memory, [hit.document for hit in patterns], industry)
    yield from from_segments([hit.document for hit in patterns])
    yield from from_winners([hit.document for hit in winners], industry)
    yield from from_funnel(store, kinds)
