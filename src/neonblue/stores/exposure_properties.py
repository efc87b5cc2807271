"""What exposures carry: properties of units, their values, and how units split by them.

A unit has the variant, the time and the properties of its first exposure; units of several
variants are left out where units are counted by variant. The table is in the order of the units,
so the first exposure of each is read as it comes: properties that are carried along in a grouping
cost five times as much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from neonblue.models import MetricSummary
from neonblue.models.untimed import UNTIMED

if TYPE_CHECKING:
    from neonblue.stores.database import Database

MAX_COUNTED_VALUES = 200
"""A property with more values is an id or a text: its values are counted, not listed."""
MAX_PROPERTIES = 1000
DAY = ""
"""The name of the day of the first exposure among the properties; theirs are not empty."""
FIRST_EXPOSURES = """
    SELECT user_id, variant, exposed_at, first_properties FROM (
        SELECT user_id, variant_id AS variant, timestamp AS exposed_at,
               properties AS first_properties
        FROM events WHERE experiment_id = {id:String} AND event_type = 'exposure'
        ORDER BY user_id, timestamp, variant_id, event_id LIMIT 1 BY user_id
    ) WHERE exposed_at >= fromUnixTimestamp64Milli({counted_ms:Int64}, 'UTC')
"""
OF_ONE_VARIANT = """
    user_id NOT IN (
        SELECT user_id FROM events WHERE experiment_id = {id:String} AND event_type = 'exposure'
        GROUP BY user_id HAVING min(variant_id) != max(variant_id)
    )
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
class PropertyCounts(PropertyCardinality):
    """With the units by value ('' is without it) and variant, where its values are few."""

    counts: tuple[VariantCount, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonValue:
    """The commonest value of an exposure property, and the share of all units that has it."""

    name: str
    value: str
    share: float


class ExposureProperties:
    """Properties of the units of an experiment. ``counted_from`` leaves out earlier units."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def cardinalities(
        self, experiment_id: str, *, counted_from: datetime | None = None
    ) -> tuple[PropertyCardinality, ...]:
        """The properties that exposures carry: what an experiment can be broken down by."""
        rows = self._database.rows(
            f"""
            SELECT name, count(), uniqExact(value), countIf(toFloat64OrNull(value) IS NULL) = 0
            FROM ({FIRST_EXPOSURES}) ARRAY JOIN
                mapKeys(first_properties) AS name, mapValues(first_properties) AS value
            GROUP BY name ORDER BY name LIMIT {{most:UInt32}}
            """,
            unit_scope(experiment_id, counted_from) | {"most": MAX_PROPERTIES},
        )
        return tuple(
            PropertyCardinality(name=name, units=units, values=values, numeric=bool(numeric))
            for name, units, values, numeric in rows
        )

    def counts(
        self, experiment_id: str, *, counted_from: datetime | None = None
    ) -> tuple[PropertyCounts, ...]:
        """Every property with its units by value and variant, and ``DAY``, in one pass.

        Days are UTC and in order of time, without the units that have none.
        """
        rows = self._database.rows(
            f"""
            SELECT name, sum(units), count(), countIf(toFloat64OrNull(value) IS NULL) = 0,
                   groupArray({MAX_COUNTED_VALUES + 1})((value, by_variant)),
                   groupArrayIf((value, by_variant), name = {{day:String}})
            FROM (
                SELECT name, value, sum(n) AS units, groupArray((variant, n)) AS by_variant FROM (
                    SELECT carried.1 AS name, carried.2 AS value, variant, count() AS n FROM (
                        SELECT variant, arrayConcat(
                            [({{day:String}}, toString(toDate(exposed_at, 'UTC')))],
                            arrayFilter(
                                one -> one.1 != {{day:String}},
                                arrayZip(mapKeys(first_properties), mapValues(first_properties))
                            )
                        ) AS each
                        FROM ({FIRST_EXPOSURES}) WHERE {OF_ONE_VARIANT}
                    ) ARRAY JOIN each AS carried GROUP BY name, value, variant
                ) GROUP BY name, value
            ) GROUP BY name ORDER BY name LIMIT {{most:UInt32}}
            """,
            unit_scope(experiment_id, counted_from) | {"day": DAY, "most": MAX_PROPERTIES},
        )
        if not rows:
            return ()
        (_, _, days, _, _, by_day), *others = rows
        totals = _totals(by_day)
        known = [each for each in by_day if each[0] != UNTIMED.date().isoformat()]
        return (
            _property(DAY, sum(totals.values()), days, False, known),
            *(
                _property(
                    name,
                    units,
                    values,
                    numeric,
                    _with_absent(by_value, totals) if values <= len(by_value) else [],
                )
                for name, units, values, numeric, by_value, _ in others
            ),
        )

    def units_by_value(
        self,
        experiment_id: str,
        name: str,
        *,
        limit: int = MAX_COUNTED_VALUES,
        counted_from: datetime | None = None,
    ) -> tuple[VariantCount, ...]:
        """Units by variant and value of one property, the ``limit`` commonest values."""
        rows = self._database.rows(
            f"""
            SELECT value, variant, n FROM (
                SELECT value, groupArray((variant, n)) AS each FROM (
                    SELECT first_properties[{{name:String}}] AS value, variant, count() AS n
                    FROM ({FIRST_EXPOSURES}) WHERE {OF_ONE_VARIANT} GROUP BY value, variant
                ) GROUP BY value ORDER BY sum(n) DESC, value LIMIT {{limit:UInt32}}
            ) ARRAY JOIN each.1 AS variant, each.2 AS n ORDER BY value, variant
            """,
            unit_scope(experiment_id, counted_from) | {"name": name, "limit": limit},
        )
        return tuple(
            VariantCount(value=value, variant_id=variant, units=units)
            for value, variant, units in rows
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
                FROM ({FIRST_EXPOSURES}) ARRAY JOIN {{names:Array(String)}} AS name
                GROUP BY name, value
            ) GROUP BY name HAVING commonest != '' ORDER BY name
            """,
            unit_scope(experiment_id, counted_from) | {"names": list(names)},
        )
        return tuple(CommonValue(name=row[0], value=row[1], share=row[2]) for row in rows)

    def covariate_moments(
        self,
        experiment_id: str,
        names: Sequence[str],
        *,
        counted_from: datetime | None = None,
    ) -> dict[tuple[str, str], MetricSummary]:
        """Numeric properties by (property, variant): n, mean, variance.

        These were fixed before the experiment could change them, so their means may differ by
        chance alone; units without a number are left out.
        """
        if not names:
            return {}
        rows = self._database.rows(
            f"""
            SELECT name, variant, count(), avg(number), varSampStable(number) FROM (
                SELECT name, variant, toFloat64OrNull(first_properties[name]) AS number
                FROM ({FIRST_EXPOSURES}) ARRAY JOIN {{names:Array(String)}} AS name
                WHERE {OF_ONE_VARIANT}
            ) WHERE number IS NOT NULL AND isFinite(number)
            GROUP BY name, variant HAVING count() > 1 ORDER BY name, variant
            """,
            unit_scope(experiment_id, counted_from) | {"names": list(names)},
        )
        return {
            (name, variant): MetricSummary(n=float(n), mean=mean, variance=variance)
            for name, variant, n, mean, variance in rows
        }


Valued = tuple[str, list[tuple[str, int]]]
"""A value and the units that have it, by variant."""


def unit_scope(experiment_id: str, counted_from: datetime | None) -> dict[str, object]:
    """Units of one experiment first exposed from a moment (UTC) on; None is always."""
    counted_ms = 0 if counted_from is None else round(counted_from.timestamp() * 1000)
    return {"id": experiment_id, "counted_ms": counted_ms}


def _property(
    name: str, units: int, values: int, numeric: bool, by_value: Sequence[Valued]
) -> PropertyCounts:
    counts = [
        VariantCount(value=value, variant_id=variant, units=int(n))
        for value, by_variant in sorted(by_value)
        for variant, n in sorted(by_variant)
    ]
    return PropertyCounts(
        name=name,
        units=int(units),
        values=int(values),
        numeric=bool(numeric),
        counts=tuple(counts),
    )


def _totals(by_value: Sequence[Valued]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for _, by_variant in by_value:
        for variant, units in by_variant:
            totals[variant] = totals.get(variant, 0) + int(units)
    return totals


def _with_absent(by_value: Sequence[Valued], totals: Mapping[str, int]) -> list[Valued]:
    """The values, with those units under '' that do not carry the property."""
    carried, given = _totals(by_value), dict(by_value)
    absent = dict(given.pop("", []))
    for variant, units in totals.items():
        if missing := units - carried.get(variant, 0):
            absent[variant] = absent.get(variant, 0) + missing
    return [*given.items(), *([("", sorted(absent.items()))] if absent else [])]
