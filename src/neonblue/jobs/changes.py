"""Job: the changes of experiments as lines of JSON, also those that are still to come."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neonblue.jobs import Report
from neonblue.workspace import Workspace

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.experiment_history import Change

LOOK_SECONDS = 0.3


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Arguments: ``after`` (a sequence, or with ``experiment_id`` a state version) and ``follow``.

    Each change is reported as ``(place, 0, line)``. With ``follow`` it ends when nobody listens.
    """
    from neonblue.experiments.change_message import change_line

    after, experiment_id = int(arguments.get("after", 0)), arguments.get("experiment_id") or ""
    if experiment_id and not arguments.get("follow"):
        workspace.store.experiments.get(experiment_id)
    while True:
        found = _after(workspace.store, experiment_id, after)
        for change in found:
            after = change.state_version if experiment_id else change.sequence
            report(float(after), 0.0, change_line(change))
        if found:
            continue
        if not arguments.get("follow"):
            return {"after": after}
        report(float(after), 0.0, "")  # notices that the client has left
        time.sleep(LOOK_SECONDS)


def _after(store: Store, experiment_id: str, after: int) -> tuple[Change, ...]:
    if experiment_id:
        return store.experiment_history.of(experiment_id, after=after)
    return store.experiment_history.following(after)
