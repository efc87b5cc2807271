"""What others say of an experiment's status is recorded as it is: it has happened already."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from neonblue.models import Experiment, ExperimentStatus
from neonblue.models.lifecycle import Origin
from neonblue.stores.experiment_history import Change, Step

if TYPE_CHECKING:
    from neonblue.stores import Store


def record_status(
    store: Store,
    experiment_id: str,
    status: ExperimentStatus,
    origin: Origin,
    *,
    reason: str = "",
) -> Experiment:
    """Record what a platform or a file says of the status, also when it says the same again.

    Raises ``NotFoundError`` for an experiment that is not defined.
    """

    def decide(current: Change | None) -> Step | None:
        if current is None:
            return None
        return Step(
            experiment=replace(current.experiment, status=status),
            action="status",
            status_said=True,
            source=origin,
            actor=origin,
            reason=reason,
        )

    newest, _ = store.experiment_history.take(experiment_id, decide)
    return store.experiments.get(experiment_id) if newest is None else newest.experiment
