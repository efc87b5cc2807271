"""Define an experiment, whether or not events of it have come already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from neonblue.experiments.plans import Proposal, record_plan
from neonblue.models import Experiment, ExperimentStatus
from neonblue.stores.experiments import Seen

if TYPE_CHECKING:
    from neonblue.stores import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Defined:
    """What defining did, and what events say that does not fit the plan."""

    experiment_id: str
    version: int
    status: ExperimentStatus
    changed: bool
    units_seen: int
    warnings: tuple[str, ...]


def define(store: Store, experiment: Experiment, *, new_version: bool = False) -> Defined:
    """Store a definition. What decides the analysis of a running experiment is frozen.

    Raises ``ConflictError`` when it would change, unless a new version is asked for: that one
    starts with an empty ledger of looks, and counts only units first exposed from now on. Units
    that were looked at under the old rules cannot be judged again by new ones.
    """
    recorded = record_plan(
        store,
        Proposal(experiment=experiment, origin="define", begins=True, new_version=new_version),
    )
    stored = recorded.experiment
    seen = store.experiments.seen(experiment.experiment_id)
    return Defined(
        experiment_id=stored.experiment_id,
        version=stored.version,
        status=stored.status,
        changed=recorded.changed,
        units_seen=0 if seen is None else seen.units,
        warnings=() if seen is None else _misfits(stored, seen),
    )


def _misfits(experiment: Experiment, seen: Seen) -> tuple[str, ...]:
    planned = {variant.variant_id for variant in experiment.variants}
    wanted = {metric.event_type for metric in experiment.metrics}
    wanted |= {
        metric.denominator_event_type
        for metric in experiment.metrics
        if metric.denominator_event_type
    }
    unplanned = sorted(set(seen.variants) - planned)
    missing = sorted(wanted - set(seen.event_types))
    warnings = []
    if unplanned:
        names = ", ".join(map(repr, unplanned))
        warnings.append(f"events name variants that are not planned: {names}")
    if missing:
        names = ", ".join(map(repr, missing))
        warnings.append(f"no event of these types has come yet: {names}")
    return tuple(warnings)
