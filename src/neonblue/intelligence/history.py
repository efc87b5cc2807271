"""How the plan changed while units were coming in."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from neonblue.intelligence.ledger import FINISHED, WATCHED
from neonblue.models import Experiment

if TYPE_CHECKING:
    from neonblue.stores import Store


def was_resumed(store: Store, experiment: Experiment) -> bool:
    """Whether an experiment that has ended had ended before, and went on."""
    if experiment.status not in FINISHED:
        return False
    first = store.experiments.version(experiment.experiment_id, 1).status
    history = store.experiments.status_history(experiment.experiment_id)
    statuses = [first, *(change.status for change in history)]
    return any(before in FINISHED and after in WATCHED for before, after in pairwise(statuses))


def allocation_changes(store: Store, experiment: Experiment) -> tuple[str, ...]:
    """Changes of variants or weights between versions after launch, in words, oldest first."""
    if experiment.version < 2:
        return ()
    versions = [
        store.experiments.version(experiment.experiment_id, number)
        for number in range(1, experiment.version + 1)
    ]
    pairs = pairwise(versions)
    found = [
        f"version {after.version}: {change}"
        for before, after in pairs
        if after.status != "draft" and (change := difference(before, after))
    ]
    return tuple(found)


def difference(before: Experiment, after: Experiment) -> str:
    """What changed in the allocation between two versions, in words; '' when nothing did."""
    old, new = _shares(before), _shares(after)
    if old.keys() != new.keys():
        return f"variants changed from {', '.join(old)} to {', '.join(new)}"
    moved = [v for v in new if abs(old[v] - new[v]) > 1e-9]
    if not moved:
        return ""
    return "weights changed: " + ", ".join(f"{v} {old[v]:.0%} → {new[v]:.0%}" for v in moved)


def _shares(experiment: Experiment) -> dict[str, float]:
    total = sum(variant.weight for variant in experiment.variants)
    return {variant.variant_id: variant.weight / total for variant in experiment.variants}
