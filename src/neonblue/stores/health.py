"""Counts that tell whether an experiment can be trusted, and where it broke.

Only exposures are read, but for outliers and lateness. A unit belongs to the variant, the day and
the properties of its first exposure; units exposed to several variants are left out unless the
question is about them. ``counted_from`` leaves out units first exposed before that moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from neonblue.models import Experiment, MetricSummary
from neonblue.models.untimed import UNTIMED
from neonblue.stores.missing_values import missing_types
from neonblue.stores.moments import choose
from neonblue.stores.unit_query import UnitQuery, UnitScope

if TYPE_CHECKING:
    from neonblue.stores.database import Database

EXPOSURES = """
SELECT user_id, argMin(variant_id, (timestamp, variant_id)) AS variant,
       uniqExact(variant_id) AS variants, min(timestamp) AS exposed_at,
       argMin(properties, (timestamp, variant_id, toString(properties))) AS first_properties
FROM events
WHERE experiment_id = {id:String} AND event_type = 'exposure'
GROUP BY user_id HAVING exposed_at >= fromUnixTimestamp64Milli({counted_ms:Int64}, 'UTC')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantCount:
    """Units of a variant with one value of a property (or on one day, or in one hour)."""

    value: str
    variant_id: str
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyCardinality:
    """An exposure property, how many units carry it and how many values it takes."""

    name: str
    units: int
    values: int
    numeric: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonValue:
    """The commonest value of an exposure property, and the share of all units that has it."""

    name: str
    value: str
    share: float


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
            _scope(experiment_id, counted_from),
        )
        return tuple(MultipleExposure(variant_ids=tuple(seen), units=n) for seen, n in rows)

    def units_by_variant(
        self, experiment_id: str, *, counted_from: datetime | None = None
    ) -> tuple[VariantCount, ...]:
        """Units of each variant that was seen, planned or not; ``value`` is ''."""
        return self._counts("''", _scope(experiment_id, counted_from))

    def units_by_day(
        self, experiment_id: str, *, counted_from: datetime | None = None
    ) -> tuple[VariantCount, ...]:
        """New units by variant and day of first exposure (UTC, ISO date), in time order."""
        return self._timed_counts(
            "toString(toDate(exposed_at, 'UTC'))", _scope(experiment_id, counted_from)
        )

    def units_by_hour(
        self, experiment_id: str, *, counted_from: datetime | None = None
    ) -> tuple[VariantCount, ...]:
        """New units by variant and hour of first exposure (UTC, ISO), in time order."""
        hour = "formatDateTime(exposed_at, '%Y-%m-%dT%H:00:00Z', 'UTC')"
        return self._timed_counts(hour, _scope(experiment_id, counted_from))

    def units_by_property(
        self,
        experiment_id: str,
        name: str,
        *,
        limit: int = 200,
        counted_from: datetime | None = None,
    ) -> tuple[VariantCount, ...]:
        """Units by variant and value of an exposure property, the ``limit`` commonest values."""
        common = f"""
            SELECT first_properties[{{name:String}}] FROM ({EXPOSURES})
            GROUP BY 1 ORDER BY count() DESC, 1 LIMIT {{limit:UInt32}}
        """
        value = "first_properties[{name:String}]"
        parameters = _scope(experiment_id, counted_from) | {"name": name, "limit": limit}
        return self._counts(value, parameters, f"AND {value} IN ({common})")

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

    def properties(
        self, experiment_id: str, *, counted_from: datetime | None = None
    ) -> tuple[PropertyCardinality, ...]:
        """The properties that exposures carry: what an experiment can be broken down by."""
        rows = self._database.rows(
            f"""
            SELECT name, count(), uniqExact(value), countIf(toFloat64OrNull(value) IS NULL) = 0
            FROM ({EXPOSURES}) ARRAY JOIN
                mapKeys(first_properties) AS name, mapValues(first_properties) AS value
            GROUP BY name ORDER BY name LIMIT 1000
            """,
            _scope(experiment_id, counted_from),
        )
        return tuple(
            PropertyCardinality(name=name, units=units, values=values, numeric=bool(numeric))
            for name, units, values, numeric in rows
        )

    def commonest_values(
        self,
        experiment_id: str,
        names: Sequence[str],
        *,
        counted_from: datetime | None = None,
    ) -> tuple[CommonValue, ...]:
        """The commonest value of each named property that units carry, by name."""
        rows = self._database.rows(
            f"""
            SELECT name, argMax(value, units) AS commonest, max(units) / sum(units) FROM (
                SELECT name, first_properties[name] AS value, count() AS units
                FROM ({EXPOSURES}) ARRAY JOIN {{names:Array(String)}} AS name
                GROUP BY name, value
            ) GROUP BY name HAVING commonest != '' ORDER BY name
            """,
            _scope(experiment_id, counted_from) | {"names": list(names)},
        )
        return tuple(CommonValue(name=row[0], value=row[1], share=row[2]) for row in rows)

    def covariate_moments(
        self,
        experiment_id: str,
        names: Sequence[str],
        *,
        counted_from: datetime | None = None,
    ) -> dict[tuple[str, str], MetricSummary]:
        """Numeric exposure properties by (property, variant): n, mean, variance.

        These were fixed before the experiment could change them, so their means may differ by
        chance alone; units without a number are left out.
        """
        rows = self._database.rows(
            f"""
            SELECT name, variant, count(), avg(number), varSampStable(number) FROM (
                SELECT name, variant, toFloat64OrNull(first_properties[name]) AS number
                FROM ({EXPOSURES}) ARRAY JOIN {{names:Array(String)}} AS name
                WHERE variants = 1
            ) WHERE number IS NOT NULL AND isFinite(number)
            GROUP BY name, variant HAVING count() > 1 ORDER BY name, variant
            """,
            _scope(experiment_id, counted_from) | {"names": list(names)},
        )
        return {
            (name, variant): MetricSummary(n=float(n), mean=mean, variance=variance)
            for name, variant, n, mean, variance in rows
        }

    def concentration(self, experiment: Experiment, metric: str) -> tuple[Concentration, ...]:
        """Which unit carries most of a metric in each variant, and what the top 1 % carry."""
        (chosen,) = choose(experiment, [metric])
        query = UnitQuery(
            experiment=experiment,
            metrics=(chosen,),
            scope=UnitScope(),
            exact=True,
            named=True,
            missing=missing_types(self._database, experiment, (chosen,)),
        )
        units = query.sql()
        rows = self._database.rows(
            f"""
            SELECT {{variants:Array(String)}}[variant] AS variant_id, count(), sum(y0),
                   argMax(user_id, (abs(y0), user_id)), argMax(y0, (abs(y0), user_id)),
                   sum(abs(y0)), sumIf(abs(y0), abs(y0) >= cut)
            FROM (
                SELECT *, quantileExactHigh(0.99)(abs(y0)) OVER (PARTITION BY variant) AS cut
                FROM ({units}) WHERE variant > 0 AND isNotNull(y0)
            ) GROUP BY variant ORDER BY variant
            """,
            query.parameters,
        )
        return tuple(_concentration(*row) for row in rows)

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


def _scope(experiment_id: str, counted_from: datetime | None) -> dict[str, object]:
    """Units of one experiment first exposed from a moment (UTC) on; None is always."""
    counted_ms = 0 if counted_from is None else round(counted_from.timestamp() * 1000)
    return {"id": experiment_id, "counted_ms": counted_ms}


def _concentration(
    variant_id: str,
    units: int,
    total: float,
    largest_unit: str,
    largest_value: float,
    magnitude: float,
    top: float,
) -> Concentration:
    """Shares are of the sum of magnitudes, so that refunds cannot push them over 1."""
    return Concentration(
        variant_id=variant_id,
        units=units,
        total=total,
        largest_unit=largest_unit,
        largest_value=largest_value,
        largest_share=abs(largest_value) / magnitude if magnitude else 0.0,
        top_percent_share=top / magnitude if magnitude else 0.0,
    )
