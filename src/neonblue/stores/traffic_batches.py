"""The log of adaptive allocation: what each batch's chances were, and what was proposed next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neonblue.stores.database import Database, Row

COLUMNS = (
    *("experiment_id", "state_version", "plan_version", "batch", "policy", "metric", "floor"),
    *("variants", "units", "chances", "proposed", "standing"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficBatch:
    """One proposal: the batch that is running, its chances and units so far, and the next shares.

    Lists are in plan order. ``batch`` counts the times between changes of weights, from 1;
    ``recorded_at`` is UTC, None before it is written.
    """

    experiment_id: str
    state_version: int
    plan_version: int
    batch: int
    policy: str
    metric: str
    floor: float
    variants: tuple[str, ...]
    units: tuple[int, ...]
    chances: tuple[float, ...]
    proposed: tuple[float, ...]
    standing: str
    recorded_at: datetime | None = None


class TrafficBatches:
    """Append-only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, batch: TrafficBatch) -> None:
        """Record a proposal; the same upon the same units again changes nothing."""
        units = ",".join(map(str, batch.units))
        shares = ",".join(f"{share:.6f}" for share in batch.proposed)
        key = f"{batch.experiment_id} {batch.state_version} {batch.policy} {batch.floor} {shares}"
        row = [getattr(batch, name) for name in COLUMNS]
        self._database.insert_rows(
            "traffic_batches",
            COLUMNS,
            [[list(value) if isinstance(value, tuple) else value for value in row]],
            once=f"traffic_batch {key} {units}",
        )

    def of(self, experiment_id: str, *, limit: int = 1000) -> tuple[TrafficBatch, ...]:
        """The newest records of an experiment, oldest first."""
        rows = self._database.rows(
            f"SELECT {', '.join(COLUMNS)}, recorded_at FROM traffic_batches "
            "WHERE experiment_id = {id:String} ORDER BY recorded_at DESC LIMIT {limit:UInt32}",
            {"id": experiment_id, "limit": limit},
        )
        return tuple(_read(row) for row in reversed(rows))


def _read(row: Row) -> TrafficBatch:
    names = (*COLUMNS, "recorded_at")
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in zip(names, row, strict=True)
    }
    return TrafficBatch(**fields)
