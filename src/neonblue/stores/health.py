"""Counts that tell whether an experiment can be trusted, and where it broke.

Only exposures are read, but for outliers and lateness. A unit belongs to the variant and the day
of its first exposure; units exposed to several variants are left out unless the
question is about them. ``counted_from`` leaves out units first exposed before that moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from neonblue.models import Experiment, MetricDefinition
from neonblue.models.untimed import UNTIMED
from neonblue.stores.exposure_properties import VariantCount, unit_scope
from neonblue.stores.missing_values import missing_types
from neonblue.stores.moments import choose
from neonblue.stores.unit_query import UnitQuery, UnitScope, needs_exact

if TYPE_CHECKING:
    from neonblue.stores.database import Database, Row

EXPOSURES = """
SELECT user_id, argMin(variant_id, (timestamp, variant_id)) AS variant,
       uniqExact(variant_id) AS variants, min(timestamp) AS exposed_at
FROM events
WHERE experiment_id = {id:String} AND event_type = 'exposure'
GROUP BY user_id HAVING exposed_at >= fromUnixTimestamp64Milli({counted_ms:Int64}, 'UTC')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MultipleExposure:
    """Units that were exposed to this set of variants."""

    variant_ids: tuple[str, ...]
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Concentration:
    """How much of a metric's total in a variant the largest units carry. Shares are fractions."""

    variant_id: str
    units: int
    total: float
    largest_unit: str
    largest_value: float
    largest_share: float
    top_percent_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lateness:
    """How long events took to arrive, in seconds, and when the newest one happened."""

    events: int
    median_seconds: float
    p99_seconds: float
    last_event_at: datetime | None


class Health:
    """Counts that tell whether an experiment can be trusted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def multiple_exposures(
        self, experiment_id: str, *, counted_from: datetime | None = None
    ) -> tuple[MultipleExposure, ...]:
        """Units that met several variants, by the set of variants, largest first."""
        rows = self._database.rows(
            """
            SELECT seen, count() AS units FROM (
                SELECT arraySort(groupUniqArray(variant_id)) AS seen FROM events
                WHERE experiment_id = {id:String} AND event_type = 'exposure'
                GROUP BY user_id HAVING length(seen) > 1
                    AND min(timestamp) >= fromUnixTimestamp64Milli({counted_ms:Int64}, 'UTC')
            ) GROUP BY seen ORDER BY units DESC LIMIT 100
            """,
            unit_scope(experiment_id, counted_from),
        )
        return tuple(MultipleExposure(variant_ids=tuple(seen), units=n) for seen, n in rows)

    def units_by_variant(
        self, experiment_id: str, *, counted_from: datetime | None = None
    ) -> tuple[VariantCount, ...]:
        """Units of each variant that was seen, planned or not; ``value`` is ''."""
        return self._counts("''", unit_scope(experiment_id, counted_from))

    def units_by_day(
        self, experiment_id: str, *, counted_from: datetime | None = None
    ) -> tuple[VariantCount, ...]:
        """New units by variant and day of first exposure (UTC, ISO date), in time order."""
        return self._timed_counts(
            "toString(toDate(exposed_at, 'UTC'))", unit_scope(experiment_id, counted_from)
        )

    def units_by_hour(
        self, experiment_id: str, *, counted_from: datetime | None = None
    ) -> tuple[VariantCount, ...]:
        """New units by variant and hour of first exposure (UTC, ISO), in time order."""
        hour = "formatDateTime(exposed_at, '%Y-%m-%dT%H:00:00Z', 'UTC')"
        return self._timed_counts(hour, unit_scope(experiment_id, counted_from))

    def units_by_event_property(
        self, experiment_id: str, name: str, *, limit: int = 200
    ) -> tuple[VariantCount, ...]:
        """Units by variant and the first value of a property that any of their events carries."""
        rows = self._database.rows(
            """
            SELECT carried.value, exposed.variant, count() AS units FROM (
                SELECT user_id, any(variant_id) AS variant FROM events
                WHERE experiment_id = {id:String} AND event_type = 'exposure' GROUP BY user_id
            ) AS exposed
            INNER JOIN (
                SELECT user_id, argMin(properties[{name:String}], timestamp) AS value FROM events
                WHERE mapContains(properties, {name:String}) GROUP BY user_id
            ) AS carried USING (user_id)
            GROUP BY 1, 2 ORDER BY units DESC LIMIT {limit:UInt32}
            """,
            {"id": experiment_id, "name": name, "limit": limit},
        )
        return tuple(
            VariantCount(value=value, variant_id=variant, units=units)
            for value, variant, units in rows
        )

    def units_by_step(
        self, experiment_ids: Sequence[str], steps: Sequence[str]
    ) -> dict[tuple[str, str], dict[str, int]]:
        """Units by variant that have an event of a type, by experiment and type; '' is all units.

        Events count wherever they stand, as in a funnel without an experiment.
        """
        rows = self._database.rows(
            """
            SELECT exposed.experiment_id, did.step, exposed.variant, count() FROM (
                SELECT experiment_id, user_id, any(variant_id) AS variant FROM events
                WHERE event_type = 'exposure' AND experiment_id IN {ids:Array(String)}
                GROUP BY experiment_id, user_id
            ) AS exposed
            INNER JOIN (
                SELECT DISTINCT user_id, if(event_type = 'exposure', '', event_type) AS step
                FROM events WHERE event_type IN {steps:Array(String)}
            ) AS did USING (user_id)
            GROUP BY 1, 2, 3
            """,
            {"ids": list(experiment_ids), "steps": [*steps, "exposure"]},
        )
        found: dict[tuple[str, str], dict[str, int]] = {}
        for experiment_id, step, variant, units in rows:
            found.setdefault((experiment_id, step), {})[variant] = int(units)
        return found

    def concentration(self, experiment: Experiment, metric: str) -> tuple[Concentration, ...]:
        """Which unit carries most of a metric in each variant, and what the top 1 % carry."""
        (chosen,) = choose(experiment, [metric])
        exact = needs_exact((chosen,), UnitScope())
        rows = self._largest(experiment, chosen, exact=exact)
        if not exact and any(early for *_, early, _ in rows):
            rows = self._largest(experiment, chosen, exact=True)
        return tuple(_concentration(*row) for *row, _, _ in rows)

    def _largest(
        self, experiment: Experiment, metric: MetricDefinition, *, exact: bool
    ) -> list[Row]:
        """A row a variant: what ``Concentration`` needs, units with early events, the cut."""
        query = UnitQuery(
            experiment=experiment,
            metrics=(metric,),
            scope=UnitScope(),
            exact=exact,
            named=True,
            missing=missing_types(self._database, experiment, (metric,)),
        )
        units = query.sql()
        return self._database.rows(
            f"""
            SELECT {{variants:Array(String)}}[variant] AS variant_id, count(), sum(y0),
                   argMax((user_id, y0), (abs(y0), cityHash64(user_id))) AS largest,
                   sum(abs(y0)), arraySum(value -> if(value >= cut, value, 0), groupArray(abs(y0))),
                   countIf(early), quantileExactHigh(0.99)(abs(y0)) AS cut
            FROM ({units}) WHERE variant > 0 AND isNotNull(y0)
            GROUP BY variant ORDER BY variant
            """,
            query.parameters,
        )

    def lateness(self, experiment_id: str) -> Lateness:
        """How far arrival is behind the events' own time."""
        row = self._database.row(
            """
            SELECT count(), quantile(0.5)(delay), quantile(0.99)(delay), max(timestamp) FROM (
                SELECT timestamp, dateDiff('millisecond', timestamp, ingested_at) / 1000 AS delay
                FROM events FINAL
                WHERE experiment_id = {id:String} AND timestamp != {untimed:DateTime64(3, 'UTC')}
            )
            """,
            {"id": experiment_id, "untimed": UNTIMED},
        )
        if row is None or row[0] == 0:
            return Lateness(events=0, median_seconds=0.0, p99_seconds=0.0, last_event_at=None)
        return Lateness(
            events=row[0], median_seconds=row[1], p99_seconds=row[2], last_event_at=row[3]
        )

    def _timed_counts(self, value: str, parameters: dict[str, object]) -> tuple[VariantCount, ...]:
        """Counts by a time, without the units that have none."""
        return self._counts(
            value,
            {**parameters, "untimed": UNTIMED},
            "AND exposed_at != {untimed:DateTime64(3, 'UTC')}",
        )

    def _counts(
        self,
        value: str,
        parameters: dict[str, object],
        condition: str = "",
    ) -> tuple[VariantCount, ...]:
        rows = self._database.rows(
            f"""
            SELECT {value} AS value, variant, count() FROM ({EXPOSURES})
            WHERE variants = 1 {condition}
            GROUP BY value, variant ORDER BY value, variant
            """,
            parameters,
        )
        return tuple(
            VariantCount(value=value, variant_id=variant, units=units)
            for value, variant, units in rows
        )


def _concentration(
    variant_id: str,
    units: int,
    total: float,
    largest: tuple[str, float],
    magnitude: float,
    top: float,
) -> Concentration:
    """Shares are of the sum of magnitudes, so that refunds cannot push them over 1."""
    largest_unit, largest_value = largest
    return Concentration(
        variant_id=variant_id,
        units=units,
        total=total,
        largest_unit=largest_unit,
        largest_value=largest_value,
        largest_share=abs(largest_value) / magnitude if magnitude else 0.0,
        top_percent_share=top / magnitude if magnitude else 0.0,
    )
