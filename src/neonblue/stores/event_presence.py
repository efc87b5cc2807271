"""When, and how many of, the units of each variant had events of some types, and what they said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neonblue.models import Experiment
    from neonblue.stores.database import Database

SLICES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """Events of one type from units of one variant in each slice of the experiment's time."""

    event_type: str
    variant_id: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporters:
    """Units of a variant with an event of a type, and the sum of its values a unit."""

    units: int
    mean: float
    variance: float


EXPOSED = """
    SELECT user_id, any(variant_id) AS variant, min(timestamp) AS exposed_at FROM events
    WHERE experiment_id = {id:String} AND event_type = 'exposure'
    GROUP BY user_id
    HAVING uniqExact(variant_id) = 1
       AND min(timestamp) >= fromUnixTimestamp64Milli({counted_ms:Int64}, 'UTC')
"""


def reporters(
    database: Database, experiment: Experiment, event_types: Sequence[str]
) -> dict[tuple[str, str], Reporters]:
    """Units that report each type after their exposure, by (type, variant); one scan."""
    rows = database.rows(
        f"""
        SELECT event_type, variant, count(), avg(total), varSampStable(total) FROM (
            SELECT event_type, user_id, any(exposed.variant) AS variant,
                sum(ifNull(value, 0)) AS total
            FROM events FINAL INNER JOIN ({EXPOSED}) AS exposed USING (user_id)
            WHERE experiment_id = {{id:String}} AND event_type IN {{types:Array(String)}}
              AND timestamp >= exposed.exposed_at
            GROUP BY event_type, user_id
        ) GROUP BY event_type, variant HAVING count() > 1
        """,
        _parameters(experiment, event_types),
    )
    return {
        (event_type, variant): Reporters(units=int(units), mean=mean, variance=variance)
        for event_type, variant, units, mean, variance in rows
    }


def _parameters(experiment: Experiment, event_types: Sequence[str]) -> dict[str, object]:
    counted = experiment.counted_from or datetime(1970, 1, 1, tzinfo=UTC)
    return {
        "id": experiment.experiment_id,
        "types": list(event_types),
        "counted_ms": int(counted.timestamp() * 1000),
    }


def event_presence(
    database: Database, experiment: Experiment, event_types: Sequence[str]
) -> tuple[Presence, ...]:
    """Counts in ``SLICES`` equal slices from the first to the last of these events; one scan.

    Only events of units that were exposed to one variant count. A type and variant without any
    event are left out.
    """
    rows = database.rows(
        f"""
        WITH (
            SELECT (min(toUnixTimestamp64Milli(timestamp)), max(toUnixTimestamp64Milli(timestamp)))
            FROM events
            WHERE experiment_id = {{id:String}} AND event_type IN {{types:Array(String)}}
        ) AS span
        SELECT event_type, exposed.variant AS variant,
               least({{slices:Int64}} - 1, intDiv((toUnixTimestamp64Milli(timestamp) - span.1)
                   * {{slices:Int64}}, greatest(1, span.2 - span.1))) AS slice, count()
        FROM events
        INNER JOIN ({EXPOSED}) AS exposed USING (user_id)
        WHERE experiment_id = {{id:String}} AND event_type IN {{types:Array(String)}}
        GROUP BY event_type, variant, slice
        """,
        _parameters(experiment, event_types) | {"slices": SLICES},
    )
    found: dict[tuple[str, str], list[int]] = {}
    for event_type, variant, place, count in rows:
        found.setdefault((event_type, variant), [0] * SLICES)[int(place)] += int(count)
    return tuple(
        Presence(event_type=event_type, variant_id=variant, counts=tuple(counts))
        for (event_type, variant), counts in sorted(found.items())
    )
