"""Units that came again under other ids: each load then counts them once more.

An export whose ids are made anew each day, loaded beside the earlier ones, doubles the units and
makes every interval too narrow by the square root of two. Such units have the times, or the values,
of units of an earlier load, and stand in the same variant; others agree by chance alone.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from neonblue.intelligence.evidence import Check
from neonblue.intelligence.summaries import Summaries
from neonblue.models import Experiment

if TYPE_CHECKING:
    from neonblue.stores import Store

NAME = "copied_units"
MOST_COPIED = 0.1
"""Share of the units from which on they are too many to be pairs that chance made alike."""
FEWEST_COPIED = 20
CERTAIN_Z = 5.0


def copied_units(store: Store, experiment: Experiment, summaries: Summaries) -> tuple[Check, ...]:
    """The check, where several loads brought units; fails when many of them are copies."""
    units = int(summaries.units.sum())
    name = experiment.experiment_id
    if experiment.source == "aggregated" or units == 0 or not store.loads.several(name):
        return ()
    from neonblue.stores.unit_contents import copies_of, unit_contents

    found = copies_of(unit_contents(store.database, name, units))
    shares = summaries.units / summaries.units.sum()
    by_chance = float((shares * shares).sum())
    apart = found.pairs - found.alike
    expected = apart * by_chance / max(1e-9, 1.0 - by_chance)
    copied = found.alike - expected
    sure = copied > max(FEWEST_COPIED, CERTAIN_Z * math.sqrt(expected / max(1e-9, 1.0 - by_chance)))
    if not sure or copied < MOST_COPIED * found.units:
        return (Check(name=NAME, status="pass", detail="no load brought the units of another"),)
    detail = (
        f"of {found.units:,} units that were looked at, {copied:,.0f} pairs came in two loads, "
        "under two ids, with the same times or values and in the same variant: units seem to be "
        "counted more than once. Load the newest file alone with --replace, with ids that stay"
    )
    return (Check(name=NAME, status="fail", detail=detail),)
