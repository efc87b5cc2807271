"""A metric by days since first exposure: means and covariances over the same units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neonblue.models import Experiment
from neonblue.stores.missing_values import missing_types
from neonblue.stores.moments import choose
from neonblue.stores.unit_query import UnitQuery, UnitScope

if TYPE_CHECKING:
    from neonblue.stores.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanMoments:
    """Units of a variant, their mean in each span of days (k,) and its covariance (k, k)."""

    units: int
    means: NDArray[np.float64]
    covariance: NDArray[np.float64]


def moments_by_days(
    database: Database,
    experiment: Experiment,
    metric: str,
    *,
    edges: tuple[float, ...],
    as_of: datetime,
) -> Mapping[str, SpanMoments]:
    """By variant; span j goes from ``edges[j]`` to ``edges[j + 1]`` days after the exposure.

    Only units that have been followed to the last edge by ``as_of`` count, in every span, so that
    spans differ by the days alone and not by who is in them.
    """
    (chosen,) = choose(experiment, [metric])
    scope = UnitScope(day_edges=edges, as_of=as_of)
    query = UnitQuery(
        experiment=experiment,
        metrics=(chosen,),
        scope=scope,
        exact=True,
        missing=missing_types(database, experiment, (chosen,)),
    )
    units = query.sql()
    spans = [f"assumeNotNull(b0_{span})" for span, _ in enumerate(pairwise(edges))]
    means = ", ".join(f"avg({span})" for span in spans)
    rows = database.rows(
        f"""
        SELECT {{variants:Array(String)}}[variant], count(), [{means}],
               covarSampMatrix({", ".join(spans)})
        FROM ({units}) WHERE variant > 0 AND isNotNull(b0_0)
        GROUP BY variant HAVING count() > 1 ORDER BY variant
        """,
        query.parameters,
    )
    return {
        variant: SpanMoments(units=n, means=np.array(mean), covariance=np.array(covariance))
        for variant, n, mean, covariance in rows
    }
