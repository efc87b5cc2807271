"""How often the rules err on the user's own data."""

from typing import Annotated

from fastmcp.dependencies import Shared
from pydantic import Field

from neonblue.tools.effect import records
from neonblue.tools.results.calibration import Calibration
from neonblue.workspace import Workspace, open_workspace


@records(title="Calibrate the rules")
def calibrate(
    experiment_id: str,
    metric: str | None = None,
    lifts: Annotated[list[float], Field(max_length=5)] = [0.05, 0.1],  # noqa: B006
    resplits: Annotated[int, Field(ge=20, le=500)] = 100,
    workspace: Workspace = Shared(open_workspace),
) -> Calibration:
    """Measure false-alarm rate and power of the rules on an ended experiment's control units.

    Resplit at random (A/A), then with known lifts; ten looks.

    Args:
        experiment_id: Whose control units.
        metric: Default the primary.
        lifts: True relative lifts, e.g. [0.05].
        resplits: About 0.1 s each and lift.
    """
    from neonblue.optimization.calibration import calibrate_rules

    found = calibrate_rules(
        workspace.store, experiment_id, metric=metric, lifts=lifts, resplits=resplits
    )
    return Calibration.model_validate(found)


TOOLS = (calibrate,)
