"""The earlier looks that said most, for either side, about each metric and variant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neonblue.stores.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class LookExtreme:
    """One earlier look at one metric of one variant; limits on the absolute scale."""

    metric: str
    variant_id: str
    looked_at: datetime
    units: int
    estimate: float
    ci_lower: float
    ci_upper: float


def looks_at_shares(
    database: Database, experiment_id: str, version: int, *, units: float, shares: Sequence[float]
) -> tuple[LookExtreme, ...]:
    """The looks nearest to these shares of ``units``, of each metric and variant.

    They are chosen by their units alone, so that what they showed has no say in it.
    """
    nearest = ", ".join(f"argMin(look, abs(units - {units * share:.6f}))" for share in shares)
    rows = database.rows(
        f"""
        WITH tuple(looked_at, units, estimate, ci_lower, ci_upper) AS look
        SELECT metric, variant_id, [{nearest}] FROM looks
        WHERE experiment_id = {{id:String}} AND version = {{version:UInt32}} AND metric != ''
              AND isFinite(estimate)
        GROUP BY metric, variant_id ORDER BY metric, variant_id
        """,
        {"id": experiment_id, "version": version},
    )
    return tuple(_look(metric, variant, look) for metric, variant, found in rows for look in found)


def _look(metric: str, variant: str, look: Sequence[Any]) -> LookExtreme:
    return LookExtreme(
        metric=metric,
        variant_id=variant,
        looked_at=look[0],
        units=look[1],
        estimate=look[2],
        ci_lower=look[3],
        ci_upper=look[4],
    )


def look_extremes(database: Database, experiment_id: str, version: int) -> tuple[LookExtreme, ...]:
    """The look with the highest lower and the one with the lowest upper limit, of each.

    If no look contradicts the present by these two, none does. Looks without limits are left out.
    """
    rows = database.rows(
        """
        WITH tuple(looked_at, units, estimate, ci_lower, ci_upper) AS look
        SELECT metric, variant_id,
               argMax(look, (ci_lower, looked_at)), argMin(look, (ci_upper, looked_at))
        FROM looks
        WHERE experiment_id = {id:String} AND version = {version:UInt32} AND metric != ''
              AND isFinite(ci_lower) AND isFinite(ci_upper)
        GROUP BY metric, variant_id ORDER BY metric, variant_id
        """,
        {"id": experiment_id, "version": version},
    )
    return tuple(_look(metric, variant, look) for metric, variant, *looks in rows for look in looks)
