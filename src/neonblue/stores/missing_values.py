"""Units that have no value of a metric: markers beside the events, which leave the unit out.

A value of 0 leaves no event, so that one which takes the place of another needs a row as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from neonblue.models import Experiment, MetricDefinition

if TYPE_CHECKING:
    from neonblue.stores.database import Database

SUFFIX = ":missing"
ZERO_SUFFIX = ":zero"


def missing_type(event_type: str) -> str:
    """The event type that says that a unit has no value where others have ``event_type``."""
    return f"{event_type}{SUFFIX}"


def zero_type(event_type: str) -> str:
    """The event type of a 0 in the place of an earlier value or blank: it counts for nothing."""
    return f"{event_type}{ZERO_SUFFIX}"


def missing_types(
    database: Database, experiment: Experiment, metrics: Iterable[MetricDefinition]
) -> frozenset[str]:
    """Those event types of the metrics of which some units have no value."""
    types = {metric.event_type for metric in metrics}
    types |= {m.denominator_event_type for m in metrics if m.denominator_event_type is not None}
    if not types:
        return frozenset()
    rows = database.rows(
        """
        SELECT DISTINCT event_type FROM events
        WHERE experiment_id = {id:String} AND event_type IN {markers:Array(String)}
        """,
        {
            "id": experiment.experiment_id,
            "markers": [missing_type(name) for name in sorted(types)],
        },
    )
    return frozenset(name.removesuffix(SUFFIX) for (name,) in rows)
