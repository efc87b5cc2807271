"""Finished experiments enter the memory by themselves: found, described, remembered once.

Nothing has to call this at the right moment: it looks for what finished and is not remembered as
it is now, so it catches up after a crash, a load or a change of status made elsewhere.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from neonblue.errors import NeonBlueError
from neonblue.intelligence.analysis import analyze
from neonblue.intelligence.ledger import FINISHED
from neonblue.intelligence.recollection.description import experiment_document
from neonblue.intelligence.recollection.facts import ExperimentFacts, facts_of, outcome_of
from neonblue.intelligence.recollection.patterns import pattern_documents
from neonblue.memory.collections import EXPERIMENTS, OPTIMIZATION_PATTERNS
from neonblue.memory.library import Memory
from neonblue.stores.documents import Document
from neonblue.stores.forecasts import ForecastOutcome

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.experiments import ExperimentListing

PATTERN_SOURCES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What one round of catching up did."""

    experiments: int
    patterns: int
    forecasts_resolved: int


def learn(store: Store, memory: Memory, *, now: datetime | None = None) -> Learnt:
    """Remember what finished since the last time, draw patterns, resolve forecasts.

    An experiment is described again only when its plan, status or data changed. Replaying is
    safe: documents have the experiment's id and are compared by content.
    """
    moment = now or datetime.now(UTC)
    known = {item.document_id: item for item in _remembered(memory)}
    facts = [
        found
        for listing in store.experiments.list()
        if listing.status in FINISHED
        if _is_new(listing, known.get(listing.experiment_id))
        if (found := _facts(store, listing.experiment_id, moment)) is not None
    ]
    changed = memory.remember(EXPERIMENTS, [_document(store, item) for item in facts])
    patterns = _draw_patterns(memory) if changed else 0
    resolved = _resolve_forecasts(store, memory)
    return Learnt(experiments=changed, patterns=patterns, forecasts_resolved=resolved)


def _remembered(memory: Memory) -> list[Document]:
    return memory.documents.select(EXPERIMENTS.name, limit=PATTERN_SOURCES)


def _is_new(listing: ExperimentListing, known: Document | None) -> bool:
    """Whether plan, status or data changed after the document was written."""
    if known is None or listing.experiment is None:
        return True
    plan, seen = listing.experiment, listing.seen
    described = (known.metadata.get("version"), known.metadata.get("status"))
    if described != (plan.version, plan.status):
        return True
    return seen is not None and known.metadata.get("units_seen") != seen.units


def _document(store: Store, facts: ExperimentFacts) -> Document:
    document = experiment_document(facts)
    seen = store.experiments.seen(document.document_id)
    if seen is None:
        return document
    return replace(document, metadata={**document.metadata, "units_seen": float(seen.units)})


def _facts(store: Store, experiment_id: str, now: datetime) -> ExperimentFacts | None:
    try:
        return facts_of(analyze(store, experiment_id, now=now))
    except NeonBlueError as error:
        # One experiment that cannot be analysed must not keep the others out of the memory.
        structlog.get_logger().warning(
            "experiment not remembered", experiment_id=experiment_id, reason=str(error)
        )
        return None


def _draw_patterns(memory: Memory) -> int:
    experiments = memory.documents.select(EXPERIMENTS.name, limit=PATTERN_SOURCES)
    return memory.remember(OPTIMIZATION_PATTERNS, pattern_documents(experiments))


def _resolve_forecasts(store: Store, memory: Memory) -> int:
    waiting = store.forecasts.open()
    ended = memory.documents.get(
        EXPERIMENTS.name, sorted({record.experiment_id for record in waiting})
    )
    resolved = 0
    for record in waiting:
        document = ended.get(record.experiment_id)
        outcome = outcome_of(str(document.metadata.get("decision"))) if document else None
        if document is None or outcome is None:
            continue
        lift = document.metadata.get("improvement")
        resolved += store.forecasts.resolve(
            ForecastOutcome(
                forecast_id=record.forecast_id,
                outcome=outcome,
                relative_lift=float(lift) if isinstance(lift, float) else None,
                decision=str(document.metadata.get("decision", "")),
            )
        )
    return resolved


class Learner:
    """Catches up at most once in ``every_seconds``, however often it is asked."""

    def __init__(self, store: Store, memory: Memory, *, every_seconds: float = 5.0) -> None:
        self._store, self._memory = store, memory
        self._every_seconds = every_seconds
        self._lock = threading.Lock()
        self._next = 0.0

    def catch_up(self, *, at_once: bool = False) -> Learnt | None:
        """Learn what finished, unless that was done a moment ago or another thread is at it."""
        if not self._lock.acquire(blocking=at_once):
            return None
        try:
            if time.monotonic() < self._next and not at_once:
                return None
            learnt = learn(self._store, self._memory)
            self._next = time.monotonic() + self._every_seconds
            return learnt
        finally:
            self._lock.release()
