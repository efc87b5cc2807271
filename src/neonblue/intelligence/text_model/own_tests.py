"""Pairs from the organisation's own finished experiments whose variants have a text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import combinations
from typing import TYPE_CHECKING

from neonblue.intelligence.summaries import Summaries, read_summaries
from neonblue.intelligence.text_model.arms import Arm, Pair
from neonblue.intelligence.validity import check_validity
from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.models.lifecycle import FINISHED_STATUSES

if TYPE_CHECKING:
    from neonblue.stores import Store


def experiments_with_texts(store: Store) -> list[str]:
    """Finished experiments whose plans promise pairs, whether or not their data is sound."""
    return [
        name
        for name, experiment in store.experiments.defined().items()
        if experiment.status in FINISHED_STATUSES and _promises_pairs(experiment)
    ]


def own_pairs(store: Store, *, now: datetime) -> list[Pair]:
    """All pairs of described variants, by the primary proportion; invalid experiments are out."""
    pairs: list[Pair] = []
    for experiment in store.experiments.defined().values():
        if experiment.status in FINISHED_STATUSES and _promises_pairs(experiment):
            pairs += experiment_pairs(store, experiment, now=now)
    return pairs


def experiment_pairs(store: Store, experiment: Experiment, *, now: datetime) -> list[Pair]:
    """The pairs of one experiment; none if it has no primary proportion or too few texts."""
    metric = next((m for m in experiment.metrics if _counts(m)), None)
    described = [variant for variant in experiment.variants if variant_text(variant)]
    if metric is None or len(described) < 2:
        return []
    summaries = read_summaries(store, experiment)
    if check_validity(experiment, summaries, now=now).failed:
        return []
    arms = _arms(experiment, described, metric, summaries)
    return [Pair(a=a, b=b) for a, b in combinations(arms, 2) if a.text != b.text]


def variant_text(variant: Variant) -> str:
    """What people saw, as far as the plan says: the description, else the name."""
    return (variant.description or variant.name).strip()


def _promises_pairs(experiment: Experiment) -> bool:
    texts = {variant_text(variant) for variant in experiment.variants} - {""}
    return len(texts) > 1 and any(_counts(metric) for metric in experiment.metrics)


def _counts(metric: MetricDefinition) -> bool:
    return metric.role == "primary" and metric.kind == "proportion"


def _arms(
    experiment: Experiment,
    variants: Sequence[Variant],
    metric: MetricDefinition,
    summaries: Summaries,
) -> list[Arm]:
    moment = experiment.started_at or summaries.first_exposure_at or datetime.now(UTC)
    arms: list[Arm] = []
    for variant in variants:
        summary = summaries.of(metric.name, variant.variant_id)
        successes = round(summary.mean * summary.n)
        if metric.direction == "decrease":
            successes = round(summary.n) - successes
        if summary.n > 0:
            arms.append(
                Arm(
                    test=experiment.experiment_id,
                    setting="",
                    week=_weeks(moment.date()),
                    text=variant_text(variant),
                    successes=successes,
                    shown=round(summary.n),
                )
            )
    return arms


def _weeks(day: date) -> int:
    year, week, _ = day.isocalendar()
    return year * 52 + week
