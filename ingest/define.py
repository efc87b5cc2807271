"""Define an experiment, whether or not events of it have come already."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from neonblue.errors import ConflictError
from neonblue.models import Experiment, ExperimentStatus
from neonblue.stores.experiments import Seen, frozen_changes

if TYPE_CHECKING:
    from neonblue.stores import Store

RUNS = frozenset({"running", "paused"})


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
    current = store.experiments.find(experiment.experiment_id)
    if current is not None and not new_version:
        _refuse_change(current, experiment)
    if current is not None and _restarts(current, experiment):
        experiment = replace(experiment, counted_from=datetime.now(UTC))
    stored = store.experiments.save(experiment, source="define")
    begins = stored.status == "draft" and experiment.status != "draft"
    if begins:
        stored = store.experiments.set_status(
            stored.experiment_id, experiment.status, reason="defined as such", actor="define"
        )
    seen = store.experiments.seen(experiment.experiment_id)
    return Defined(
        experiment_id=stored.experiment_id,
        version=stored.version,
        status=stored.status,
        changed=begins or current is None or stored.version != current.version,
        units_seen=0 if seen is None else seen.units,
        warnings=() if seen is None else _misfits(stored, seen),
    )


def _restarts(current: Experiment, proposed: Experiment) -> bool:
    """Uploaded totals hold no units to leave out: those keep the units they were looked at with."""
    if "aggregated" in (current.source, proposed.source):
        return False
    return current.status in RUNS and bool(frozen_changes(current, proposed))


def _refuse_change(current: Experiment, proposed: Experiment) -> None:
    changed = frozen_changes(current, proposed)
    if changed and current.status in RUNS:
        raise ConflictError(
            f"experiment {current.experiment_id!r} is {current.status}: its "
            f"{', '.join(changed)} may not change, or looks at it would mislead. Stop it, or start "
            "a new version with --new-version"
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
