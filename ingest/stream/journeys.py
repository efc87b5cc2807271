"""A unit's journey as a document: a short text to search by meaning, and facts to filter by.

The text is made of coarse words on purpose, in two parts: what was done, and by whom. Journeys that
are alike share them, so a busy stream needs few embeddings: each distinct part is embedded once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from neonblue.behavior.conversion_events import BY_WORDS, EventKinds
from neonblue.behavior.event_kinds import CONSIDER, CONVERT, ENGAGE, LEAVE
from neonblue.ingest.stream.scorer import STAGES, segment_of
from neonblue.memory.collections import PART, UNKNOWN
from neonblue.stores.documents import Document
from neonblue.stores.journey_facts import JourneyFacts

TOLD_ACTIONS = 3


def journey_document(facts: JourneyFacts, kinds: EventKinds = BY_WORDS) -> Document:
    """The document of the ``user_journeys`` collection; its id is the unit's."""
    return Document(
        document_id=facts.user_id,
        text=journey_text(facts, kinds),
        metadata={
            "user_id": facts.user_id,
            "user_segment": facts.segment or segment_of(facts.events, facts.sessions),
            "journey_length": float(facts.events),
            "session_duration": facts.active_seconds / facts.visits,
            "conversion_outcome": _outcome(facts.all_types, kinds),
            "value": float(facts.value),
            "device_type": facts.device or UNKNOWN,
            "traffic_source": facts.source or UNKNOWN,
            "stage": stage_of(facts.last_types, kinds),
            "experiments": facts.experiments,
            "started_at": facts.first_at.timestamp(),
            "timestamp": facts.last_at.timestamp(),
        },
    )


def journey_text(facts: JourneyFacts, kinds: EventKinds = BY_WORDS) -> str:
    """What happened, in plain words without names, numbers or identifiers."""
    actions = [action for action, _ in groupby(map(_words, facts.last_types))][-TOLD_ACTIONS:]
    visits = "returning" if facts.sessions > 1 else "first"
    done = (f"{stage_of(facts.last_types, kinds)} on a {visits} visit", ", then ".join(actions))
    by_whom = (facts.device, f"from {facts.source}" if facts.source else "", facts.segment)
    return PART.join(filter(None, map(_phrases, (done, by_whom))))


def _phrases(phrases: Iterable[str]) -> str:
    # The sign that separates the parts may not stand in them: properties are anybody's words.
    return "; ".join(each.replace(PART.strip(), "/") for each in phrases if each)


def stage_of(event_types: Sequence[str], kinds: EventKinds = BY_WORDS) -> str:
    """The stage by the rules of ``RuleScorer``, from the latest event types, oldest first."""
    found = [kinds.of(each) for each in event_types]
    if found and found[-1] == LEAVE:
        return STAGES[5]
    if CONVERT in found:
        return STAGES[4]
    if CONSIDER in found:
        return STAGES[3]
    if found.count(ENGAGE) >= 3:
        return STAGES[2]
    return STAGES[1] if len(found) > 1 else STAGES[0]


def _outcome(event_types: Sequence[str], kinds: EventKinds) -> str:
    converted = any(kinds.of(each) == CONVERT for each in event_types)
    return "converted" if converted else "not_converted"


def _words(event_type: str) -> str:
    return re.sub(r"[^a-z]+", " ", event_type.lower()).strip() or "something"
