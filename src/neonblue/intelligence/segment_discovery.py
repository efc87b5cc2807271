"""Segments of experiments, found and confirmed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from neonblue.behavior.discovery import (
    FoundSegment,
    Search,
    SegmentUnits,
    confirm,
    search,
)
from neonblue.behavior.segment_candidates import LeftOut
from neonblue.errors import InvalidInputError
from neonblue.intelligence.ledger import waits_for_the_plan
from neonblue.intelligence.look_gate import pass_gate
from neonblue.intelligence.validity_in_store import why_withheld
from neonblue.models import Experiment, MetricDefinition
from neonblue.stats.property_balance import unbalanced_properties
from neonblue.stores import Store

MOST_EXPERIMENTS = 10
MOST_UNITS = 100_000
SEARCH = "a search for segments"
NO_METRIC = "it has no primary metric with a mean, so nothing says who gains"


NOTHING = Search(candidates=(), compared=0, left_out=())


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentSegments:
    """What was found in one treatment of one experiment; effects are on the metric's scale.

    ``sign`` is -1 where less of the metric is better. ``compared`` parts of the units were looked
    at; ``left_out`` says which were not and why, ``withheld`` why nothing may be said at all.
    """

    experiment_id: str
    industry: str
    treatment: str
    control: str
    metric: str
    sign: float
    units: int
    segments: tuple[FoundSegment, ...]
    compared: int = 0
    left_out: tuple[LeftOut, ...] = ()
    withheld: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    experiment: Experiment
    metric: MetricDefinition
    treatment: str
    units: SegmentUnits
    found: Search


def discover_segments(store: Store, experiment_id: str | None) -> tuple[ExperimentSegments, ...]:
    """Segments of one experiment, or of the ten defined last that do not run; one error rate.

    Of an experiment whose validity checks fail nothing is said but why; a property that is not
    alike in all variants is left out.

    Raises:
        InvalidInputError: the experiment is known by uploaded aggregates only.
        ConflictError: it runs and its planned units have not come.
    """
    return _searched(store, _chosen(store, experiment_id))


def segments_of(store: Store, chosen: Sequence[Experiment]) -> tuple[ExperimentSegments, ...]:
    """Segments of these experiments with single units; one error rate over all of them.

    Raises ``ConflictError`` where one runs and its planned units have not come.
    """
    for one in chosen:
        pass_gate(store, one, SEARCH)
    return _searched(store, chosen)


def _searched(store: Store, chosen: Sequence[Experiment]) -> tuple[ExperimentSegments, ...]:
    now = datetime.now(UTC)
    why = {one.experiment_id: _why_not(store, one, now) for one in chosen}
    withheld = [_withheld(one, why[one.experiment_id]) for one in chosen if why[one.experiment_id]]
    usable = [one for one in chosen if not why[one.experiment_id]]
    cases = [case for experiment in usable for case in _cases(store, experiment)]
    confirmed = confirm([(case.units, case.found.candidates) for case in cases])
    return *(_segments(*one) for one in zip(cases, confirmed, strict=True)), *withheld


def _why_not(store: Store, experiment: Experiment, now: datetime) -> str:
    """Why nothing may be said of this experiment's segments; '' where it may."""
    metric = _primary(experiment)
    if metric is None:
        return NO_METRIC
    return why_withheld(store, experiment, now=now)


def _primary(experiment: Experiment) -> MetricDefinition | None:
    return next(
        (one for one in experiment.metrics if one.role == "primary" and one.kind != "quantile"),
        None,
    )


def _withheld(experiment: Experiment, why: str) -> ExperimentSegments:
    metric = _primary(experiment)
    return ExperimentSegments(
        experiment_id=experiment.experiment_id,
        industry=experiment.industry,
        treatment=", ".join(one.variant_id for one in experiment.treatments),
        control=experiment.control.variant_id,
        metric=metric.name if metric else "",
        sign=1.0,
        units=0,
        segments=(),
        withheld=why,
    )


def _segments(case: _Case, segments: tuple[FoundSegment, ...]) -> ExperimentSegments:
    return ExperimentSegments(
        experiment_id=case.experiment.experiment_id,
        industry=case.experiment.industry,
        treatment=case.treatment,
        control=case.experiment.control.variant_id,
        metric=case.metric.name,
        sign=1.0 if case.metric.direction == "increase" else -1.0,
        units=len(case.units.treated),
        segments=segments,
        compared=case.found.compared,
        left_out=case.found.left_out,
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
    metric = _primary(experiment)
    if metric is None:
        return
    table = store.unit_rows.read(experiment, metric, limit=MOST_UNITS)
    properties = [dict(pairs) for pairs in table["properties"].to_pylist()]
    variant = np.asarray(table["variant_index"], dtype=np.int64)
    outcome = np.nan_to_num(np.asarray(table["outcome"], dtype=np.float64))
    exposed = np.asarray(table["exposed_ms"], dtype=np.int64)
    names = [one.variant_id for one in experiment.variants]
    control = names.index(experiment.control.variant_id)
    unusable = unbalanced_properties(properties, variant, len(names))
    for index, name in enumerate(names):
        if index == control:
            continue
        pair = np.flatnonzero((variant == index) | (variant == control))
        units = SegmentUnits(
            properties=[properties[row] for row in pair],
            treated=variant[pair] == index,
            outcome=outcome[pair],
            exposed_order=exposed[pair],
            unusable=unusable,
        )
        yield _Case(
            experiment=experiment,
            metric=metric,
            treatment=name,
            units=units,
            found=search(units) if len(pair) else NOTHING,
        )
