"""A metric by days since first exposure: means and covariances over the same units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    metrics: Sequence[str],
    *,
    edges: tuple[float, ...],
    as_of: datetime,
) -> Mapping[tuple[str, str], SpanMoments]:
    """By metric and variant; span j is from ``edges[j]`` to ``edges[j + 1]`` days after exposure.

    Only units that have been followed to the last edge by ``as_of`` count, in every span, so that
    spans differ by the days alone and not by who is in them.
    """
    chosen = choose(experiment, metrics)
    query = UnitQuery(
        experiment=experiment,
        metrics=chosen,
        scope=UnitScope(day_edges=edges, as_of=as_of),
        exact=True,
        missing=missing_types(database, experiment, chosen),
    )
    units = query.sql()
    spans = [
        [f"b{number}_{span}" for span, _ in enumerate(pairwise(edges))]
        for number, _ in enumerate(chosen)
    ]
    rows = database.rows(
        f"""
        SELECT {{variants:Array(String)}}[variant], {", ".join(map(_moments, spans))}
        FROM ({units}) WHERE variant > 0 GROUP BY variant ORDER BY variant
        """,
        query.parameters,
    )
    return {
        (metric.name, variant): SpanMoments(
            units=n, means=np.array(means), covariance=np.array(covariance)
        )
        for variant, *found in rows
        for metric, n, means, covariance in zip(
            chosen, found[::3], found[1::3], found[2::3], strict=True
        )
        if n > 1
    }


def _moments(spans: Sequence[str]) -> str:
    """Units, means and covariances of the spans of one metric, of the units that have it."""
    there = f"isNotNull({spans[0]})"
    known = [f"ifNull({span}, 0)" for span in spans]
    means = ", ".join(f"avgIf({span}, {there})" for span in known)
    return f"countIf({there}), [{means}], covarSampMatrixIf({', '.join(known)}, {there})"
