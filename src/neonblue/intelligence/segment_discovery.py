"""Segments of experiments, found and confirmed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from neonblue.behavior.discovery import (
    Candidate,
    FoundSegment,
    SegmentUnits,
    confirm,
    find_candidates,
)
from neonblue.errors import InvalidInputError
from neonblue.intelligence.ledger import waits_for_the_plan
from neonblue.intelligence.look_gate import pass_gate
from neonblue.models import Experiment, MetricDefinition
from neonblue.stores import Store

MOST_EXPERIMENTS = 10
MOST_UNITS = 100_000
SEARCH = "a search for segments"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentSegments:
    """What was found in one treatment of one experiment; effects are on the metric's scale.

    ``sign`` is -1 where less of the metric is better.
    """

    experiment_id: str
    industry: str
    treatment: str
    control: str
    metric: str
    sign: float
    units: int
    segments: tuple[FoundSegment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    experiment: Experiment
    metric: MetricDefinition
    treatment: str
    units: SegmentUnits
    candidates: tuple[Candidate, ...]


def discover_segments(store: Store, experiment_id: str | None) -> tuple[ExperimentSegments, ...]:
    """Segments of one experiment, or of the ten defined last that do not run; one error rate.

    Raises:
        InvalidInputError: the experiment is known by uploaded aggregates only.
        ConflictError: it runs and its planned units have not come.
    """
    chosen = _chosen(store, experiment_id)
    cases = [case for experiment in chosen for case in _cases(store, experiment)]
    confirmed = confirm([(case.units, case.candidates) for case in cases])
    return tuple(
        ExperimentSegments(
            experiment_id=case.experiment.experiment_id,
            industry=case.experiment.industry,
            treatment=case.treatment,
            control=case.experiment.control.variant_id,
            metric=case.metric.name,
            sign=1.0 if case.metric.direction == "increase" else -1.0,
            units=len(case.units.treated),
            segments=segments,
        )
        for case, segments in zip(cases, confirmed, strict=True)
    )


def _chosen(store: Store, experiment_id: str | None) -> list[Experiment]:
    if experiment_id is None:
        every = store.experiments.defined().values()
        usable = [one for one in every if one.source == "events"]
        shown = [one for one in usable if not waits_for_the_plan(store, one)][-MOST_EXPERIMENTS:]
        for one in shown:
            pass_gate(store, one, SEARCH)
        return shown
    experiment = store.experiments.get(experiment_id)
    if experiment.source != "events":
        raise InvalidInputError(
            f"{experiment_id!r} has uploaded aggregates only, which hold no single units: "
            "analyze_experiment_performance shows its totals"
        )
    pass_gate(store, experiment, SEARCH)
    return [experiment]


def _cases(store: Store, experiment: Experiment) -> Iterator[_Case]:
    metric = next((one for one in experiment.metrics if one.role == "primary"), None)
    if metric is None or metric.kind == "quantile":
        return
    table = store.unit_rows.read(experiment, metric, limit=MOST_UNITS)
    properties = [dict(pairs) for pairs in table["properties"].to_pylist()]
    variant = np.asarray(table["variant_index"], dtype=np.int64)
    outcome = np.nan_to_num(np.asarray(table["outcome"], dtype=np.float64))
    exposed = np.asarray(table["exposed_ms"], dtype=np.int64)
    names = [one.variant_id for one in experiment.variants]
    control = names.index(experiment.control.variant_id)
    for index, name in enumerate(names):
        if index == control:
            continue
        pair = np.flatnonzero((variant == index) | (variant == control))
        units = SegmentUnits(
            properties=[properties[row] for row in pair],
            treated=variant[pair] == index,
            outcome=outcome[pair],
            exposed_order=exposed[pair],
        )
        yield _Case(
            experiment=experiment,
            metric=metric,
            treatment=name,
            units=units,
            candidates=find_candidates(units) if len(pair) else (),
        )
