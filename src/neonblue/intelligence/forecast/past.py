"""What the organisation's past says: how often, by how much, and in what was like this.

The spread that past improvements show beyond their noise is the prior (empirical Bayes: Efron
2010, "Large-Scale Inference", ch. 1); experiments with a like change sharpen it (``likeness``).
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from neonblue.intelligence.forecast.implied import outcome_ratios
from neonblue.intelligence.forecast.likeness import (
    Changes,
    Effects,
    Likeness,
    alike,
    between,
    expected_effect,
    joined,
    learn_likeness,
    stacked,
)
from neonblue.intelligence.forecast.plan import ForecastPlan
from neonblue.intelligence.recollection.copies import figures_of, without_copies
from neonblue.intelligence.recollection.insights import PastExperiment, from_document, told_change
from neonblue.intelligence.recollection.patterns import PooledEffect, counted, effects_of, pool
from neonblue.intelligence.recollection.removal import kind_of_change
from neonblue.memory.collections import EXPERIMENTS
from neonblue.memory.library import Memory
from neonblue.memory.search import search
from neonblue.models import Experiment
from neonblue.stores.documents import Document
from neonblue.stores.forecasts import Outcome

LEAST_PAST = 3
MOST_SHOWN = 40
MOST_PAST = 100_000
RECENT_PLANS = 64
# The newest experiments that likeness is learnt from; the nearest older ones are looked up.
MOST_REFERENCES = 400
LEAST_SPREAD = 0.005
LEAST_SIMILARITY = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarExperiment:
    """A past experiment and how much its effect is expected to resemble this one's, 0 to 1."""

    past: PastExperiment
    resemblance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """``base_rates`` are the outcome shares of all past experiments; ``mean`` and ``sd`` describe
    the true improvement of this plan, given everything; ``usual_error`` is the standard error that
    past experiments had; ``outcome_ratios`` how much more often each outcome came than improvements
    alone would have it."""

    experiments: int
    base_rates: dict[Outcome, float]
    outcome_ratios: dict[Outcome, float]
    pooled: PooledEffect
    usual_error: float
    similar: tuple[SimilarExperiment, ...]
    mean: float
    sd: float


class RecentPasts:
    """The pasts of the plans that were asked about lately. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Experiment, Past] = OrderedDict()

    def of(self, plan: Experiment, compute: Callable[[], Past]) -> Past:
        """The past of a plan, computed if it was not asked for lately."""
        with self._lock:
            known = self._kept.get(plan)
            if known is not None:
                self._kept.move_to_end(plan)
                return known
        found = compute()
        with self._lock:
            self._kept[plan] = found
            if len(self._kept) > RECENT_PLANS:
                self._kept.popitem(last=False)
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Record:
    """All past experiments together; ``references`` are the newest with a measured effect, and
    ``changes`` what they changed. What it says of a plan is computed once, in ``recent``."""

    experiment_ids: frozenset[str]
    base_rates: dict[Outcome, float]
    outcome_ratios: dict[Outcome, float]
    pooled: PooledEffect
    usual_error: float
    references: tuple[Document, ...]
    changes: Changes
    likeness: Likeness
    recent: RecentPasts = field(default_factory=RecentPasts)

    @property
    def spread(self) -> float:
        """The standard deviation of true improvements."""
        return max(self.pooled.between_sd, LEAST_SPREAD)


def read_record(memory: Memory, *, late: bool = False) -> Record | None:
    """The record, computed once until the memory changes; None below three usable experiments.

    ``late``: without the experiments that finished a moment ago, rather than waiting.
    """
    return memory.computed(EXPERIMENTS, "record", lambda: _compute_record(memory), late=late)


def read_past(memory: Memory, plan: ForecastPlan, *, late: bool = False) -> Past | None:
    """The past as it bears on a plan; None with fewer than three usable experiments."""
    record = read_record(memory, late=late)
    own = plan.experiment.experiment_id
    if record is None or len(record.experiment_ids - {own}) < LEAST_PAST:
        return None
    return record.recent.of(plan.experiment, lambda: _past(memory, record, plan))


def _past(memory: Memory, record: Record, plan: ForecastPlan) -> Past:
    own = plan.experiment.experiment_id
    used, changes = _used(memory, record, plan)
    new = _changes(memory, [(plan.change, plan.kind)])
    mean, sd = expected_effect(record.likeness, changes, _effects(used, record), new)
    return Past(
        experiments=len(record.experiment_ids - {own}),
        base_rates=record.base_rates,
        outcome_ratios=record.outcome_ratios,
        pooled=record.pooled,
        usual_error=record.usual_error,
        similar=_similar(used, record.likeness, changes, new),
        mean=mean,
        sd=math.hypot(max(sd, LEAST_SPREAD), record.pooled.standard_error),
    )


def _compute_record(memory: Memory) -> Record | None:
    documents = without_copies(
        document
        for document in memory.documents.select(EXPERIMENTS.name, limit=MOST_PAST)
        if document.metadata.get("outcome") is not None
    )
    pooled = pool(effects_of(documents))
    if len(documents) < LEAST_PAST or pooled is None:
        return None
    references = tuple(item for item in documents if _measured(item))[:MOST_REFERENCES]
    errors = sorted(error for _, error in effects_of(references))
    record = Record(
        experiment_ids=frozenset(document.document_id for document in documents),
        base_rates=_base_rates(documents),
        outcome_ratios=outcome_ratios(
            counted(references), pooled.mean, max(pooled.between_sd, LEAST_SPREAD), errors
        ),
        pooled=pooled,
        usual_error=errors[len(errors) // 2],
        references=references,
        changes=_changes(memory, [_told(item) for item in references]),
        likeness=Likeness(),
    )
    likeness = learn_likeness(record.changes, _effects(references, record))
    return replace(record, likeness=likeness)


def _used(memory: Memory, record: Record, plan: ForecastPlan) -> tuple[list[Document], Changes]:
    """The newest experiments, and of the older ones those whose description is nearest; without
    the plan's own."""
    own = plan.experiment.experiment_id
    rows = [row for row, item in enumerate(record.references) if item.document_id != own]
    older = [item for item in _older(memory, record, plan) if item.document_id != own]
    newest = Changes(
        vectors=record.changes.vectors[rows], kinds=tuple(record.changes.kinds[row] for row in rows)
    )
    used = [*(record.references[row] for row in rows), *older]
    return used, joined(newest, _changes(memory, [_told(item) for item in older]))


def _older(memory: Memory, record: Record, plan: ForecastPlan) -> list[Document]:
    known = {item.document_id for item in record.references}
    if len(record.experiment_ids) == len(known):
        return []
    found = (hit.document for hit in search(memory, EXPERIMENTS, plan.text, limit=MOST_SHOWN).hits)
    older = [item for item in found if _measured(item) and item.document_id not in known]
    seen = {figures for item in record.references if (figures := figures_of(item)) is not None}
    return [item for item in without_copies(older) if figures_of(item) not in seen]


def _measured(document: Document) -> bool:
    return document.metadata.get("outcome") is not None and any(
        error > 0 for _, error in effects_of([document])
    )


def _base_rates(documents: Sequence[Document]) -> dict[Outcome, float]:
    """Outcome shares with one imaginary experiment spread evenly, so that none is impossible."""
    counts = counted(documents)
    total = sum(counts.values())
    return {outcome: (count + 1 / 3) / (total + 1) for outcome, count in counts.items()}


def _told(document: Document) -> tuple[str, str]:
    known = document.metadata
    name, applied = str(known.get("name", "")), str(known.get("optimization_applied", ""))
    kind = kind_of_change(str(known.get("type", "")), applied, name)
    return told_change(name, applied) or document.text, kind


def _changes(memory: Memory, told: Sequence[tuple[str, str]]) -> Changes:
    vectors = memory.vectors([text for text, _ in told])
    return stacked(list(zip(vectors, (kind for _, kind in told), strict=True)))


def _effects(documents: Sequence[Document], record: Record) -> Effects:
    import numpy as np

    seen, errors = np.array(effects_of(documents)).reshape(-1, 2).T
    return Effects(seen=seen, errors=errors, mean=record.pooled.mean, spread=record.spread)


def _similar(
    documents: Sequence[Document], likeness: Likeness, changes: Changes, new: Changes
) -> tuple[SimilarExperiment, ...]:
    """The nearest first, each with what its effect tells of the new one."""
    if not documents:
        return ()
    nearness = (changes.vectors @ new.vectors[0]).tolist()
    resemblance = alike(likeness, between(new, changes))[0].tolist()
    found = [
        SimilarExperiment(past=from_document(document, similarity=near), resemblance=shared)
        for document, near, shared in zip(documents, nearness, resemblance, strict=True)
    ]
    order = sorted(found, key=lambda item: (-item.resemblance, -item.past.similarity))
    return tuple(item for item in order if item.past.similarity >= LEAST_SIMILARITY)[:MOST_SHOWN]
