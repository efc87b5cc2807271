"""How each ingest worker fares, by its own last word."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neonblue.stores.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerReport:
    """What one worker said last, and when."""

    worker_id: str
    status: Mapping[str, Any]
    reported_at: datetime


class IngestWorkers:
    """Reports of workers, the last one each, forgotten after a day."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def report(self, worker_id: str, status: Mapping[str, Any]) -> None:
        """Say how a worker fares."""
        self._database.insert_rows(
            "ingest_workers", ["worker_id", "status"], [[worker_id, json.dumps(status)]]
        )

    def list(self) -> tuple[WorkerReport, ...]:
        """Every worker that reported within a day, the latest first."""
        rows = self._database.rows(
            """
            SELECT worker_id, status, reported_at FROM ingest_workers FINAL
            ORDER BY reported_at DESC
            """
        )
        return tuple(
            WorkerReport(worker_id=worker_id, status=json.loads(status), reported_at=reported_at)
            for worker_id, status, reported_at in rows
        )
