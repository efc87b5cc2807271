"""Resplit past control units and say how often the rules err, for the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neonblue.jobs import Report
from neonblue.workspace import Workspace


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Arguments: ``experiment_id``, ``metric``, ``lifts``, ``resplits``, ``looks``, ``seed``.

    The result is the calibration as JSON.
    """
    import msgspec

    from neonblue.optimization.calibration import calibrate_rules

    given = {name: value for name, value in arguments.items() if value is not None}
    found = calibrate_rules(workspace.store, given.pop("experiment_id"), report=report, **given)
    plain: dict[str, Any] = msgspec.to_builtins(found)
    return plain
