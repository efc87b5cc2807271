"""Quantile metrics: a unit's values in order, and what stands at a few ranks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from neonblue.models import Experiment
from neonblue.stores.missing_values import missing_types
from neonblue.stores.moments import choose
from neonblue.stores.unit_query import UnitQuery, UnitScope

if TYPE_CHECKING:
    from neonblue.stores.database import Database


Z_95 = 1.959963984540054
LARGEST_CRITICAL = 1e6
"""In the place of an infinite one: no rank is that far in any sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileReading:
    """A variant's quantile of a metric over its units, and its order-statistic interval.

    ``lower`` and ``upper`` are the values at the ranks n (q ± 1.96 √(q (1 − q) / n)), the outer
    ones of the 95 % interval; ``watched_lower`` and ``watched_upper`` the same at the critical
    value that was asked for, infinite where there is no such rank.
    """

    variant_id: str
    n: int
    quantile: float
    estimate: float
    lower: float
    upper: float
    watched_lower: float
    watched_upper: float


class Quantiles:
    """Quantile metrics, computed from events."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(
        self,
        experiment: Experiment,
        metric: str,
        *,
        critical: float = Z_95,
        scope: UnitScope | None = None,
    ) -> tuple[QuantileReading, ...]:
        """A quantile metric in each variant that has units, in plan order.

        ``critical`` is the half-width in standard errors of what may be watched.
        """
        (chosen,) = choose(experiment, [metric])
        query = UnitQuery(
            experiment=experiment,
            metrics=(chosen,),
            scope=scope or UnitScope(),
            exact=True,
            missing=missing_types(self._database, experiment, (chosen,)),
        )
        level = chosen.quantile or 0.5
        units = query.sql()
        rows = self._database.rows(
            f"""
            WITH
                sqrt({{level:Float64}} * (1 - {{level:Float64}}) / n) AS error,
                {Z_95!r} * error AS half,
                floor(n * ({{level:Float64}} - {{critical:Float64}} * error)) AS low,
                ceil(n * ({{level:Float64}} + {{critical:Float64}} * error)) + 1 AS high
            SELECT {{variants:Array(String)}}[variant], n, center,
                   ordered[toInt64(greatest(1, floor(n * ({{level:Float64}} - half))))],
                   ordered[toInt64(least(toFloat64(n), ceil(n * ({{level:Float64}} + half)) + 1))],
                   if(low < 1, -inf, ordered[toInt64(greatest(1, low))]),
                   if(high > n, inf, ordered[toInt64(least(toFloat64(n), high))])
            FROM (
                SELECT variant, count() AS n, arraySort(groupArray(assumeNotNull(y0))) AS ordered,
                       quantileExactInclusive({float(level)!r})(assumeNotNull(y0)) AS center
                FROM ({units}) WHERE variant > 0 AND isNotNull(y0) GROUP BY variant
            ) ORDER BY variant
            """,
            {**query.parameters, "level": level, "critical": min(critical, LARGEST_CRITICAL)},
        )
        return tuple(
            QuantileReading(
                variant_id=variant,
                n=n,
                quantile=level,
                estimate=center,
                lower=low,
                upper=high,
                watched_lower=watched_low,
                watched_upper=watched_high,
            )
            for variant, n, center, low, high, watched_low, watched_high in rows
        )
