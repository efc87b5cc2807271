"""Other experiments on the same units: does one change what the other does?

Both are randomised, so units shared by two experiments form a 2 x 2 table of treatments. The
effect of one inside the other's treatment minus that inside the other's control is their
interaction. And the two assignments must be independent of each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from neonblue.intelligence.terms import Terms
from neonblue.models import Experiment, MetricDefinition
from neonblue.stats.segments import experiment_interaction

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.moments import ExperimentMoments

FEWEST_SHARED = 1_000
FEWEST_IN_A_CELL = 100
MOST_EXPERIMENTS = 5
MOST_METRICS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """Units that two experiments share; ``counts`` is a table of their variants, in plan order."""

    other: Experiment
    counts: np.ndarray
    units: int
    moments: ExperimentMoments


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossedEffect:
    """How much larger ``variant``'s effect is with ``other_variant`` than with its control.

    ``p_value`` is anytime-valid and corrected for everything that was tried.
    """

    metric: str
    variant: str
    other: str
    other_variant: str
    units: int
    difference: float
    p_value: float


def crossings(store: Store, experiment: Experiment) -> tuple[Crossing, ...]:
    """The defined experiments that share at least 1,000 units, at most five."""
    from neonblue.stores.overlap import experiments_sharing_units

    if experiment.source == "aggregated":
        return ()
    shared = experiments_sharing_units(
        store.database,
        experiment.experiment_id,
        least_units=FEWEST_SHARED,
        limit=MOST_EXPERIMENTS,
    )
    defined = store.experiments.defined() if shared else {}
    return tuple(
        _crossing(store, experiment, defined[item.experiment_id])
        for item in shared
        if item.experiment_id in defined
    )


def crossed_effects(
    experiment: Experiment, found: Sequence[Crossing], terms: Terms
) -> tuple[CrossedEffect, ...]:
    """Every interaction with enough units, surest first."""
    tests = [test for crossing in found for test in _tests(experiment, crossing, terms)]
    return tuple(
        sorted((_corrected(test, len(tests)) for test in tests), key=lambda effect: effect.p_value)
    )


def _corrected(test: CrossedEffect, tests: int) -> CrossedEffect:
    from dataclasses import replace

    return replace(test, p_value=min(1.0, tests * test.p_value))


def _crossing(store: Store, experiment: Experiment, other: Experiment) -> Crossing:
    from neonblue.stores.unit_query import UnitScope

    scope = UnitScope(crossed_with=other.experiment_id)
    names = [metric.name for metric in _compared(experiment)]
    moments = store.moments.summarise(experiment, metrics=names, scope=scope)
    counts = np.array(
        [
            [moments.n(own.variant_id, theirs.variant_id) for theirs in other.variants]
            for own in experiment.variants
        ],
        dtype=float,
    )
    return Crossing(other=other, counts=counts, units=int(counts.sum()), moments=moments)


def _compared(experiment: Experiment) -> list[MetricDefinition]:
    primary = [m for m in experiment.metrics if m.role == "primary" and m.kind != "quantile"]
    return primary[:MOST_METRICS]


def _tests(experiment: Experiment, crossing: Crossing, terms: Terms) -> Iterator[CrossedEffect]:
    pairs = product(experiment.treatments, crossing.other.treatments)
    for (own, theirs), metric in product(pairs, _compared(experiment)):
        assert metric.kind != "quantile"
        cells = {
            (first, second): crossing.moments.summary(metric.name, first, second)
            for first in (experiment.control.variant_id, own.variant_id)
            for second in (crossing.other.control.variant_id, theirs.variant_id)
        }
        if min(cell.n for cell in cells.values()) < FEWEST_IN_A_CELL:
            continue
        neither, second_only, first_only, both = cells.values()
        found = experiment_interaction(
            neither=neither,
            first_only=first_only,
            second_only=second_only,
            both=both,
            kind=metric.kind,
        )
        if not found.standard_error > 0.0:
            continue
        units = int(sum(cell.n for cell in cells.values()))
        horizon = terms.horizon(experiment, own.variant_id, metric.name)
        z = np.array([found.difference / found.standard_error])
        yield CrossedEffect(
            metric=metric.name,
            variant=own.variant_id,
            other=crossing.other.experiment_id,
            other_variant=theirs.variant_id,
            units=units,
            difference=found.difference,
            p_value=float(horizon.p_values(z, units)[0]),
        )
