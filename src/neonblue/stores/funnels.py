"""Funnels by ClickHouse's own ``windowFunnel``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from neonblue.stores.events import BEHAVIOUR

if TYPE_CHECKING:
    from neonblue.stores.database import Database

MOST_SLICES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelScope:
    """Which users and events enter. ``since`` and ``until`` are UTC; '' means all.

    ``by`` is '' (no breakdown), ``variant`` (of ``experiment_id``) or the name of a property.
    """

    window_seconds: int
    experiment_id: str = ""
    since: datetime | None = None
    until: datetime | None = None
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelCounts:
    """How many users of a slice got exactly as far as step 1, 2, … (index 0 is step 1)."""

    slice: str
    stopped_at: tuple[int, ...]


class Funnels:
    """How many users go how far through steps."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, steps: Sequence[str], scope: FunnelScope) -> tuple[FunnelCounts, ...]:
        """Users by how far they came, in order and within the window, one row a slice.

        With an experiment only its exposed units count, from their first exposure on, and their
        events of every experiment. The commonest 50 slices are returned.
        """
        conditions = ", ".join(
            f"event_type = {{step{index}:String}}" for index in range(len(steps))
        )
        levels = ", ".join(f"countIf(level = {index + 1})" for index in range(len(steps)))
        rows = self._database.rows(
            f"""
            SELECT slice, [{levels}] AS stopped_at FROM (
                SELECT user_id, {_slice(scope)} AS slice,
                       windowFunnel({{window_ms:UInt64}})(
                           toUInt64(toUnixTimestamp64Milli(timestamp)), {conditions}) AS level
                FROM events FINAL {_exposed(scope)}
                WHERE {BEHAVIOUR} AND event_type IN {{steps:Array(String)}}
                  AND toUnixTimestamp64Milli(timestamp) >= {{since_ms:Int64}}
                  AND toUnixTimestamp64Milli(timestamp) < {{until_ms:Int64}}
                  {"AND timestamp >= exposed_at" if scope.experiment_id else ""}
                GROUP BY user_id
            )
            WHERE level > 0
            GROUP BY slice ORDER BY count() DESC, slice
            LIMIT {MOST_SLICES}
            """,
            _parameters(steps, scope),
        )
        return tuple(
            FunnelCounts(slice=str(name), stopped_at=tuple(map(int, counts)))
            for name, counts in rows
        )


def _slice(scope: FunnelScope) -> str:
    if scope.by == "variant":
        return "any(variant)"
    if scope.by:
        return "argMinIf(properties[{by:String}], timestamp, properties[{by:String}] != '')"
    return "''"


def _exposed(scope: FunnelScope) -> str:
    if not scope.experiment_id:
        return ""
    return """
    INNER JOIN (
        SELECT user_id, min(timestamp) AS exposed_at, any(variant_id) AS variant
        FROM events FINAL
        WHERE experiment_id = {experiment:String} AND event_type = 'exposure'
        GROUP BY user_id HAVING uniqExact(variant_id) = 1
    ) AS exposed USING (user_id)"""


def _parameters(steps: Sequence[str], scope: FunnelScope) -> dict[str, object]:
    forever = 4_102_444_800_000
    return {
        **{f"step{index}": step for index, step in enumerate(steps)},
        "steps": list(steps),
        "window_ms": scope.window_seconds * 1000,
        "experiment": scope.experiment_id,
        "since_ms": round(scope.since.timestamp() * 1000) if scope.since else -forever,
        "until_ms": round(scope.until.timestamp() * 1000) if scope.until else forever,
        "by": scope.by,
    }
