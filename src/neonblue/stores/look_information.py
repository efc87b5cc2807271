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


def seen_by_comparison(
    database: Database, experiment_id: str, version: int, *, alpha: float | None
) -> tuple[dict[Key, float], LookInformation]:
    """What the looks left behind: the least p of each comparison, and what a unit carried.

    Both are of looks at this ``version``; the least p of those at ``alpha``, None for any level,
    and 1.0 for a comparison that only others have.
    """
    rows = database.rows(
        """
        WITH version = {version:UInt32} AS same,
            same AND ({alpha:Float64} < 0 OR alpha = 0 OR abs(alpha - {alpha:Float64}) < 1e-9)
                AS counted,
            same AND information > 0 AS informed,
            (compared_units, information, units_ended) AS reading
        SELECT metric, variant_id, countIf(counted) = 0 ? 1. : minIf(p_value, counted),
            countIf(informed), argMinIf(reading, looked_at, informed),
            countIf(informed AND settled), argMinIf(reading, looked_at, informed AND settled),
            minIf(looked_at, informed)
        FROM looks WHERE experiment_id = {id:String} AND metric != ''
        GROUP BY metric, variant_id
        """,
        {"id": experiment_id, "version": version, "alpha": -1.0 if alpha is None else alpha},
    )
    informed = [((metric, variant), found) for metric, variant, _, *found in rows if found[0]]
    return {(metric, variant): p for metric, variant, p, *_ in rows}, LookInformation(
        first={key: _reading(first) for key, (_, first, *_) in informed},
        settled={key: _reading(at) for key, (_, _, settled, at, _) in informed if settled},
        first_at=min((moment for _, (*_, moment) in informed), default=None),
    )


def _reading(row: tuple[float, float, int]) -> Reading:
    return float(row[0]), float(row[1]), bool(row[2])
