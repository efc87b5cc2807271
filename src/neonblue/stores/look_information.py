"""What a unit carried at the two looks that put a sequence's time into units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neonblue.stores.database import Database

Reading = tuple[float, float, bool]
"""Units of the two variants together, what one carried, and whether units had stopped coming."""
Key = tuple[str, str]
"""The metric and the treatment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookInformation:
    """By metric and treatment: at the first look that had any, and at the first settled one.

    ``first_at`` is when the first of all was made, None before.
    """

    first: Mapping[Key, Reading] = field(default_factory=dict)
    settled: Mapping[Key, Reading] = field(default_factory=dict)
    first_at: datetime | None = None


def look_information(database: Database, experiment_id: str, version: int) -> LookInformation:
    """What the looks at one version left behind."""
    rows = database.rows(
        """
        SELECT metric, variant_id, argMin(reading, looked_at), countIf(settled),
            argMinIf(reading, looked_at, settled), min(looked_at)
        FROM (SELECT *, (compared_units, information, units_ended) AS reading FROM looks)
        WHERE experiment_id = {id:String} AND version = {version:UInt32} AND information > 0
        GROUP BY metric, variant_id
        """,
        {"id": experiment_id, "version": version},
    )
    return LookInformation(
        first={(metric, variant): _reading(first) for metric, variant, first, *_ in rows},
        settled={
            (metric, variant): _reading(at) for metric, variant, _, count, at, _ in rows if count
        },
        first_at=min((moment for *_, moment in rows), default=None),
    )


def _reading(row: tuple[float, float, int]) -> Reading:
    return float(row[0]), float(row[1]), bool(row[2])
