"""What the organisation's past says: how often, by how much, and in what was like this.

True improvements are modelled as a Gaussian process over plans: each varies around a common mean
with the spread that past experiments show beyond their noise, and two are the more alike the nearer
their texts. With nothing similar this is the empirical-Bayes prior (Efron 2010, "Large-Scale
Inference", ch. 1); similar experiments sharpen it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from neonblue.intelligence.forecast.plan import ForecastPlan
from neonblue.intelligence.recollection.insights import PastExperiment, from_document
from neonblue.intelligence.recollection.patterns import PooledEffect, counted, effects_of, pool
from neonblue.memory.collections import EXPERIMENTS
from neonblue.memory.library import Memory
from neonblue.memory.search import search
from neonblue.stores.documents import Document
from neonblue.stores.forecasts import Outcome

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEAST_PAST = 3
MOST_SIMILAR = 40
MOST_PAST = 100_000
# Two plans with cosine c resemble each other in effect by exp(-(1 - c) / length). With enough past
# experiments the length is the likeliest of these; 0 means that texts tell nothing.
LENGTHS = (0.0, 0.1, 0.2, 0.4, 0.6, 1.0)
DEFAULT_LENGTH = 0.6
ENOUGH_FOR_LENGTH = 20
MOST_FOR_LENGTH = 400
LEAST_SPREAD = 0.005
LEAST_SIMILARITY = 0.35


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarExperiment:
    """A past experiment and how much its effect is expected to resemble this one's, 0 to 1."""

    past: PastExperiment
    resemblance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """``base_rates`` are the outcome shares of all past experiments; ``mean`` and ``sd`` describe
    the true improvement of this plan, given everything."""

    experiments: int
    base_rates: dict[Outcome, float]
    pooled: PooledEffect
    similar: tuple[SimilarExperiment, ...]
    mean: float
    sd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All past experiments together: ids, outcome shares, pooled effect, length of likeness."""

    experiment_ids: frozenset[str]
    base_rates: dict[Outcome, float]
    pooled: PooledEffect
    length: float


def read_record(memory: Memory) -> Record | None:
    """The record, computed once until the memory changes; None below three usable experiments."""
    return memory.derived(EXPERIMENTS, "record", lambda: _compute_record(memory))


def read_past(memory: Memory, plan: ForecastPlan) -> Past | None:
    """The past as it bears on a plan; None with fewer than three usable experiments."""
    record = read_record(memory)
    own = plan.experiment.experiment_id
    if record is None or len(record.experiment_ids - {own}) < LEAST_PAST:
        return None
    hits = search(
        memory, EXPERIMENTS, plan.text, limit=MOST_SIMILAR, at_least=LEAST_SIMILARITY
    ).hits
    nearest = [
        from_document(hit.document, similarity=hit.similarity)
        for hit in hits
        if hit.document.document_id in record.experiment_ids - {own}
    ]
    mean, sd = _sharpened(memory, plan, record.pooled, nearest, record.length)
    return Past(
        experiments=len(record.experiment_ids - {own}),
        base_rates=record.base_rates,
        pooled=record.pooled,
        similar=tuple(
            SimilarExperiment(past=item, resemblance=_resemblance(item.similarity, record.length))
            for item in nearest
        ),
        mean=mean,
        sd=sd,
    )


def _compute_record(memory: Memory) -> Record | None:
    documents = [
        document
        for document in memory.documents.select(EXPERIMENTS.name, limit=MOST_PAST)
        if document.metadata.get("outcome") is not None
    ]
    pooled = pool(effects_of(documents))
    if len(documents) < LEAST_PAST or pooled is None:
        return None
    return Record(
        experiment_ids=frozenset(document.document_id for document in documents),
        base_rates=_base_rates(documents),
        pooled=pooled,
        length=_likeliest_length(memory, documents, pooled),
    )


def _base_rates(documents: Sequence[Document]) -> dict[Outcome, float]:
    """Outcome shares with one imaginary experiment spread evenly, so that none is impossible."""
    counts = counted(documents)
    total = sum(counts.values())
    return {outcome: (count + 1 / 3) / (total + 1) for outcome, count in counts.items()}


def _resemblance(similarity: float, length: float) -> float:
    return math.exp(-max(1 - similarity, 0.0) / length) if length > 0 else 0.0


def _likeliest_length(memory: Memory, documents: Sequence[Document], pooled: PooledEffect) -> float:
    """The length with the greatest marginal likelihood of the newest past improvements."""
    import numpy as np

    newest = [item for item in documents if effects_of([item])][:MOST_FOR_LENGTH]
    if len(newest) < ENOUGH_FOR_LENGTH:
        return DEFAULT_LENGTH
    vectors = _vectors(memory, [item.document_id for item in newest])
    means, errors = np.array(effects_of(newest)).T
    apart = np.maximum(1 - vectors @ vectors.T, 0)
    spread, noise = max(pooled.between_sd, LEAST_SPREAD) ** 2, np.diag(errors**2)
    likelihoods = [
        _log_likelihood(means - pooled.mean, spread * _alike(apart, length) + noise)
        for length in LENGTHS
    ]
    return LENGTHS[int(np.argmax(likelihoods))]


def _log_likelihood(values: NDArray[np.float64], covariance: NDArray[np.float64]) -> float:
    import numpy as np

    factor = np.linalg.cholesky(covariance)
    whitened = np.linalg.solve(factor, values)
    return -0.5 * float(whitened @ whitened) - float(np.log(np.diag(factor)).sum())


def _alike(apart: NDArray[np.float64], length: float) -> NDArray[np.float64]:
    """Resemblance of each pair from how far apart their texts are."""
    import numpy as np

    if length == 0:
        return np.eye(*apart.shape)
    alike: NDArray[np.float64] = np.exp(-apart / length)
    return alike


def _sharpened(
    memory: Memory,
    plan: ForecastPlan,
    pooled: PooledEffect,
    nearest: Sequence[PastExperiment],
    length: float,
) -> tuple[float, float]:
    """Mean and standard deviation of this plan's true improvement."""
    import numpy as np

    spread = max(pooled.between_sd, LEAST_SPREAD)
    used = [item for item in nearest if item.improvement_standard_error]
    if not used or length == 0:
        return pooled.mean, math.hypot(spread, pooled.standard_error)
    vectors = _vectors(memory, [item.experiment_id for item in used])
    own = memory.embed_query(plan.text)
    errors = np.array([cast(float, item.improvement_standard_error) for item in used])
    seen = np.array([cast(float, item.improvement) for item in used]) - pooled.mean
    between = spread**2 * _alike(np.maximum(1 - vectors @ vectors.T, 0), length)
    towards = spread**2 * _alike(np.maximum(1 - vectors @ own, 0), length)
    weights = np.linalg.solve(between + np.diag(errors**2), np.column_stack([seen, towards]))
    mean = pooled.mean + float(towards @ weights[:, 0])
    variance = spread**2 - float(towards @ weights[:, 1]) + pooled.standard_error**2
    return mean, math.sqrt(max(variance, LEAST_SPREAD**2))


def _vectors(memory: Memory, names: Sequence[str]) -> NDArray[np.float32]:
    import numpy as np

    found = {
        item.document.document_id: item.vector
        for item in memory.documents.embedded(EXPERIMENTS.name, memory.embedder.fingerprint, names)
    }
    return np.array([found[name] for name in names], dtype=np.float32)
