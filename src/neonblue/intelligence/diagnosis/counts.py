"""Reads from the store the counts that a diagnosis reasons over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neonblue.intelligence.diagnosis.imbalance import CountTable
from neonblue.intelligence.diagnosis.sample_ratio import Allocation
from neonblue.models import Experiment
from neonblue.stores.assignments import assigned_units
from neonblue.stores.exposure_properties import DAY, MAX_COUNTED_VALUES

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.exposure_properties import PropertyCounts, VariantCount

MOST_PROPERTIES = 30
DAY_NAME = "day"


def planned_shares(experiment: Experiment) -> NDArray[np.float64]:
    """The planned share of each variant, in plan order, summing to 1."""
    weights = [variant.weight for variant in experiment.variants]
    return np.array(weights) / sum(weights)


def read_allocation(
    store: Store,
    experiment: Experiment,
    exposed: NDArray[np.float64],
    properties: Sequence[PropertyCounts],
) -> Allocation:
    """Units by each exposure property of few values and by day; ``exposed`` are those in all."""
    variants = tuple(variant.variant_id for variant in experiment.variants)
    assigned = assigned_units(store.database, experiment.experiment_id)
    days = next((each.counts for each in properties if each.name == DAY), ())
    return Allocation(
        experiment_id=experiment.experiment_id,
        variants=variants,
        shares=planned_shares(experiment),
        exposed=exposed,
        by_property=[
            count_table(each.name, each.counts, variants) for each in _worth_searching(properties)
        ],
        by_day=count_table(DAY_NAME, days, variants),
        assigned=_in_order(assigned, variants) if assigned else None,
    )


def units_by_day(store: Store, experiment: Experiment) -> CountTable:
    """New units by day of first exposure and variant."""
    variants = tuple(variant.variant_id for variant in experiment.variants)
    counts = store.health.units_by_day(
        experiment.experiment_id, counted_from=experiment.counted_from
    )
    return count_table(DAY_NAME, counts, variants)


def count_table(
    dimension: str, counts: Sequence[VariantCount], variants: tuple[str, ...]
) -> CountTable:
    """Counts as a matrix: values in the order they came, variants in plan order."""
    values = tuple(dict.fromkeys(count.value for count in counts))
    rows = {value: row for row, value in enumerate(values)}
    columns = {variant: column for column, variant in enumerate(variants)}
    matrix = np.zeros((len(values), len(variants)))
    for count in counts:
        if count.variant_id in columns:
            matrix[rows[count.value], columns[count.variant_id]] = count.units
    return CountTable(dimension=dimension, values=values, counts=matrix)


def _worth_searching(properties: Sequence[PropertyCounts]) -> list[PropertyCounts]:
    """Properties that split units into a few parts; ids and free text are left out."""
    few = [p for p in properties if p.name != DAY and 2 <= p.values <= MAX_COUNTED_VALUES]
    return sorted(few, key=lambda p: p.values)[:MOST_PROPERTIES]


def _in_order(units: dict[str, int], variants: tuple[str, ...]) -> NDArray[np.float64]:
    return np.array([units.get(variant, 0) for variant in variants], dtype=float)
