"""Whether one property of an experiment's units is alike in all variants, from the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neonblue.stats.property_balance import unbalanced

if TYPE_CHECKING:
    from neonblue.models import Experiment
    from neonblue.stores import Store


def why_unbalanced(store: Store, experiment: Experiment, name: str) -> str:
    """Why a property says nothing about who gains; '' where its values are balanced."""
    variants = [one.variant_id for one in experiment.variants]
    counts = store.exposure_properties.units_by_value(
        experiment.experiment_id, name, counted_from=experiment.counted_from
    )
    rows: dict[str, list[float]] = {}
    for count in counts:
        if count.variant_id in variants:
            row = rows.setdefault(count.value, [0.0] * len(variants))
            row[variants.index(count.variant_id)] += count.units
    return unbalanced({name: list(rows.values())}).get(name, "")
