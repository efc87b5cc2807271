"""How past forecasts came true, as lines for the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neonblue.jobs import Report
from neonblue.workspace import Workspace


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """No arguments; resolves what has ended, then gives ``{"lines": [...]}``."""
    from neonblue.intelligence.forecast.calibration import calibrate, calibration_lines

    workspace.learner.catch_up(at_once=True)
    log = workspace.store.forecasts
    return {"lines": calibration_lines(calibrate(log.all()), log.check())}
