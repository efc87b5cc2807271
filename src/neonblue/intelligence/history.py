"""How the plan changed while units were coming in."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from neonblue.models import Experiment
from neonblue.models.lifecycle import FINISHED_STATUSES, WATCHED_STATUSES, frozen_changes

if TYPE_CHECKING:
    from neonblue.stores import Store


def was_resumed(store: Store, experiment: Experiment) -> bool:
    """Whether an experiment that has ended had ended before, and went on."""
    if experiment.status not in FINISHED_STATUSES:
        return False
    first = store.experiments.version(experiment.experiment_id, 1).status
    history = store.experiments.status_history(experiment.experiment_id)
    statuses = [first, *(change.status for change in history)]
    return any(
        before in FINISHED_STATUSES and after in WATCHED_STATUSES
        for before, after in pairwise(statuses)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanChanges:
    """How versions changed what decides the units that they share, in words, oldest first.

    ``breaking`` ones make effects unreadable: the allocation, or any rule after somebody had
    looked. ``noted`` ones came after the results of an ended experiment had been read. ``moved``
    ones are of the weights of new units: no plain difference of means can be read after them.
    """

    breaking: tuple[str, ...] = ()
    noted: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()


def plan_changes(store: Store, experiment: Experiment) -> PlanChanges:
    """Changes between versions that share units; a version that restarted shares none."""
    moved = moved_weights(store, experiment)
    if experiment.version < 2:
        return PlanChanges(moved=moved)
    shared = _sharing_units(store, experiment)
    numbers = {version.version for version in shared}
    looked_at = store.looks.versions(experiment.experiment_id) & numbers
    ever = store.looks.versions(experiment.experiment_id, watched=False)
    read = (ever | store.outcomes.versions(experiment.experiment_id)) & numbers
    breaking, noted = [], []
    for before, after in pairwise(shared):
        if after.status == "draft":
            continue
        name, rules = f"version {after.version}", _rules(before, after)
        if change := difference(before, after):
            breaking.append(f"{name}: {change}")
        if rules and any(number < after.version for number in looked_at):
            breaking.append(f"{name}: {rules} changed after it was looked at")
        elif rules and any(number < after.version for number in read):
            noted.append(f"{name}: {rules} changed after its results were read")
    return PlanChanges(breaking=tuple(breaking), noted=tuple(noted), moved=moved)


def moved_weights(store: Store, experiment: Experiment) -> tuple[str, ...]:
    """Weights that were changed while units came in, and differ from those before."""
    if not experiment.current_weights:
        return ()
    states = [step.experiment for step in store.experiment_history.of(experiment.experiment_id)]
    changes = [
        weights_difference(before, after)
        for before, after in pairwise(states)
        if before.current_weights != after.current_weights
        and before.status in WATCHED_STATUSES
        and after.counted_from == experiment.counted_from
    ]
    return tuple(change for change in changes if change)


def _sharing_units(store: Store, experiment: Experiment) -> list[Experiment]:
    """The versions that count the same units as the newest, oldest first."""
    versions = store.experiments.versions(experiment.experiment_id)
    return [one for one in versions if one.counted_from == experiment.counted_from]


def _rules(before: Experiment, after: Experiment) -> str:
    """The frozen fields that differ, apart from the variants, which are judged by their shares."""
    return ", ".join(name for name in frozen_changes(before, after) if name != "variants")


def difference(before: Experiment, after: Experiment) -> str:
    """What changed in the allocation between two versions, in words; '' when nothing did."""
    old, new = _shares(before), _shares(after)
    if old.keys() != new.keys():
        return f"variants changed from {', '.join(old)} to {', '.join(new)}"
    return _moved(old, new)


def weights_difference(before: Experiment, after: Experiment) -> str:
    """The same for the weights that new units were assigned by."""
    return _moved(current_shares(before), current_shares(after))


def _moved(old: dict[str, float], new: dict[str, float]) -> str:
    moved = [v for v in new if abs(old[v] - new[v]) > 1e-9]
    if not moved:
        return ""
    return "weights changed: " + ", ".join(f"{v} {old[v]:.0%} → {new[v]:.0%}" for v in moved)


def current_shares(experiment: Experiment) -> dict[str, float]:
    """The share of new units that each variant gets now."""
    if not experiment.current_weights:
        return _shares(experiment)
    total, names = sum(experiment.current_weights), [v.variant_id for v in experiment.variants]
    return {name: w / total for name, w in zip(names, experiment.current_weights, strict=True)}


def _shares(experiment: Experiment) -> dict[str, float]:
    total = sum(variant.weight for variant in experiment.variants)
    return {variant.variant_id: variant.weight / total for variant in experiment.variants}
