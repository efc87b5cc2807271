"""Finished experiments enter the memory by themselves: found, described, remembered once.

Nothing has to call this at the right moment: it looks for what finished and is not remembered as
it is now, so it catches up after a crash, a load or a change of status made elsewhere.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from neonblue.errors import NeonBlueError
from neonblue.intelligence.analysis import analyze
from neonblue.intelligence.recollection.audience import audience_of
from neonblue.intelligence.recollection.description import experiment_document
from neonblue.intelligence.recollection.facts import ExperimentFacts, facts_of, outcome_of
from neonblue.intelligence.recollection.patterns import pattern_documents
from neonblue.memory.collections import EXPERIMENTS, OPTIMIZATION_PATTERNS
from neonblue.memory.library import Memory
from neonblue.models import Experiment
from neonblue.models.lifecycle import FINISHED_STATUSES
from neonblue.models.reader import current_reader
from neonblue.stores.documents import Document
from neonblue.stores.forecasts import ForecastOutcome

if TYPE_CHECKING:
    from neonblue.stores import Store

logger = logging.getLogger(__name__)
PATTERN_SOURCES = 100_000
BACKGROUND_SECONDS = 60.0
SETTLING = timedelta(minutes=10)
# A first round over many experiments takes long; a question is answered with what is known by then.
LONGEST_WAIT_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What one round of catching up did."""

    experiments: int
    patterns: int
    forecasts_resolved: int


def learn(
    store: Store,
    memory: Memory,
    *,
    now: datetime | None = None,
    looked_at: dict[str, datetime] | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Learnt:
    """Remember what finished since the last time, draw patterns, resolve forecasts.

    An experiment is described again only when its plan, status or data changed. Replaying is
    safe: documents have the experiment's id and are compared by content. ``looked_at`` remembers
    between calls how new the data was that led to no change. What ended on the platform a moment
    ago waits: events of before its end may be on their way, and what is remembered counts as read.
    Once ``stopped`` answers true, the
    rest is left for another time.
    """
    looked_at = {} if looked_at is None else looked_at
    unsettled = store.experiments.ended_by("cdc", within=SETTLING)
    arrived_at = store.experiments.data_arrived_at()
    known = {item.document_id: item for item in _remembered(memory)}
    waiting = [
        plan.experiment_id
        for plan in store.experiments.defined().values()
        if plan.status in FINISHED_STATUSES and plan.experiment_id not in unsettled
        if _is_new(plan, known.get(plan.experiment_id), arrived_at, looked_at)
    ]
    documents = []
    for name in waiting:
        if stopped():
            break
        facts = _facts(store, name, now or datetime.now(UTC))
        documents += [experiment_document(facts)] if facts is not None else []
        looked_at.update({name: arrived_at[name]} if name in arrived_at else {})
    changed = memory.remember(EXPERIMENTS, documents)
    patterns = _draw_patterns(memory) if changed else 0
    resolved = _resolve_forecasts(store, memory)
    return Learnt(experiments=changed, patterns=patterns, forecasts_resolved=resolved)


def _remembered(memory: Memory) -> list[Document]:
    return memory.documents.select(EXPERIMENTS.name, limit=PATTERN_SOURCES)


def _is_new(
    plan: Experiment,
    known: Document | None,
    arrived_at: Mapping[str, datetime],
    looked_at: Mapping[str, datetime],
) -> bool:
    """Whether plan, status or data changed after the document was written."""
    if known is None or known.recorded_at is None:
        return True
    if known.metadata.get("version") != float(plan.version):
        return True
    if known.metadata.get("status") != str(plan.status):
        return True
    arrived = arrived_at.get(plan.experiment_id)
    seen_until = max(known.recorded_at, looked_at.get(plan.experiment_id, known.recorded_at))
    return arrived is not None and arrived > seen_until


def _facts(store: Store, experiment_id: str, now: datetime) -> ExperimentFacts | None:
    try:
        analysis = analyze(store, experiment_id, now=now, actor="memory")
        return facts_of(analysis, audience=audience_of(store, analysis.experiment))
    except NeonBlueError as error:
        # One experiment that cannot be analysed must not keep the others out of the memory.
        logger.warning("experiment %r was not remembered: %s", experiment_id, error)
        return None


def _draw_patterns(memory: Memory) -> int:
    experiments = memory.documents.select(EXPERIMENTS.name, limit=PATTERN_SOURCES)
    drawn = pattern_documents(experiments)
    names = {document.document_id for document in drawn}
    known = memory.documents.select(OPTIMIZATION_PATTERNS.name, limit=PATTERN_SOURCES)
    pooled = [one.document_id for one in known if "tests" in one.metadata]  # no segments
    gone = [name for name in pooled if name not in names]
    if gone:
        memory.erase(OPTIMIZATION_PATTERNS, gone)
    return memory.remember(OPTIMIZATION_PATTERNS, drawn)


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
    """Catches up at most once in ``every_seconds``, however often it is asked.

    Started, it also does so by itself every minute, so that a forecast is judged and an experiment
    remembered although nobody asks.
    """

    def __init__(self, store: Store, memory: Memory, *, every_seconds: float = 5.0) -> None:
        self._store, self.memory = store, memory
        self._every_seconds = every_seconds
        self._lock = threading.Lock()
        self._next = 0.0
        self._looked_at: dict[str, datetime] = {}
        self._closed = threading.Event()
        self._level = False

    def start(self) -> Learner:
        """Look for finished experiments in the background from now on."""
        threading.Thread(target=self._run, name="neonblue-learner", daemon=True).start()
        return self

    @property
    def behind(self) -> bool:
        """Whether the first round is still under way, so that what has finished may be missing."""
        return not self._level and current_reader().records

    def close(self) -> None:
        """End the background thread, after the round that it is in."""
        self._closed.set()
        with self._lock:
            return

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                self.catch_up()
            except NeonBlueError as error:  # the store or a model is away: the next round may work
                logger.warning("nothing was learnt in this round: %s", error)
            self._closed.wait(BACKGROUND_SECONDS)

    def catch_up(self, *, at_once: bool = False) -> Learnt | None:
        """Learn what finished, unless that was done a moment ago; waits for a round under way."""
        if not current_reader().records:
            return None  # a read-only server remembers nothing by itself
        if not self._lock.acquire(timeout=LONGEST_WAIT_SECONDS):
            return None
        try:
            if self._closed.is_set() or (time.monotonic() < self._next and not at_once):
                return None
            learnt = learn(
                self._store,
                self.memory,
                looked_at=self._looked_at,
                stopped=self._closed.is_set,
            )
            self._next = time.monotonic() + self._every_seconds
            self._level = True
            return learnt
        finally:
            self._lock.release()
