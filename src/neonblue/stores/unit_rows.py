"""Units of a randomised experiment, each with its properties, its variant and its outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neonblue.models import Experiment, MetricDefinition
from neonblue.stores.missing_values import missing_types
from neonblue.stores.unit_query import UnitQuery, UnitScope

if TYPE_CHECKING:
    import pyarrow as pa

    from neonblue.stores.database import Database


class UnitRows:
    """One row a unit, for models of who gains from what."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, experiment: Experiment, metric: MetricDefinition, *, limit: int) -> pa.Table:
        """Columns ``user_id``, ``variant_index``, ``outcome``, ``properties``, ``exposed_ms``.

        The index counts from 0 in plan order; ``exposed_ms`` is UTC in milliseconds.
        Units seen in several variants or an unplanned one are left out; above ``limit`` a fixed
        pseudo-random sample of the units is taken.
        """
        query = UnitQuery(
            experiment=experiment,
            metrics=(metric,),
            scope=UnitScope(),
            exact=True,
            named=True,
            missing=missing_types(self._database, experiment, (metric,)),
        )
        units = query.sql()
        value = "y0 / if(d0 = 0, 1, d0)" if metric.kind == "ratio" else "y0"
        return self._database.table(
            f"""
            SELECT user_id, toInt64(variant) - 1 AS variant_index,
                   toFloat64(assumeNotNull({value})) AS outcome,
                   properties, toUnixTimestamp64Milli(exposed_at) AS exposed_ms
            FROM ({units}) AS units
            INNER JOIN (
                SELECT user_id, argMin(properties, timestamp) AS properties
                FROM events FINAL
                WHERE experiment_id = {{id:String}} AND event_type = 'exposure'
                GROUP BY user_id
            ) AS exposed USING (user_id)
            WHERE variant > 0 AND isNotNull(y0)
            ORDER BY cityHash64(user_id) LIMIT {{limit:UInt32}}
            """,
            {**query.parameters, "limit": limit},
        )

    def properties(self, experiment_id: str, user_id: str) -> dict[str, str] | None:
        """What is known of one unit at its exposure, or anywhere else if it was not exposed."""
        row = self._database.row(
            """
            SELECT argMinIf(properties, timestamp, mine), countIf(mine),
                   argMax(properties, timestamp), count()
            FROM (
                SELECT properties, timestamp,
                       experiment_id = {id:String} AND event_type = 'exposure' AS mine
                FROM events WHERE user_id = {user:String}
            )
            """,
            {"id": experiment_id, "user": user_id},
        )
        if row is None or row[3] == 0:
            return None
        return dict(row[0] if row[1] else row[2])
