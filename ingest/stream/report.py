"""How ingestion fares over all workers, as every server can say it: from ClickHouse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.ingest_workers import WorkerReport

# A worker reports every 2 seconds; one that missed this many of them is not there.
SILENT_SECONDS = 15.0

WorkerState = Literal["starting", "running", "stopped", "silent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerHealth:
    """One worker: ``lag`` is messages not committed yet, over its partitions."""

    worker_id: str
    state: WorkerState
    reported_seconds_ago: float
    lag: int
    partitions: int
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """All workers, what waits to be indexed, and what could not be used, by reason.

    ``dropped`` are messages that the workers read and kept nowhere.
    """

    workers: tuple[WorkerHealth, ...]
    lag: int
    journeys_waiting: int
    oldest_journey_seconds: float
    journeys_indexed: int
    dead_letters: Mapping[str, int]
    dropped: Mapping[str, int]

    @property
    def live(self) -> int:
        """How many workers are at work."""
        return sum(worker.state in ("starting", "running") for worker in self.workers)


def ingest_report(store: Store) -> IngestReport:
    """The state of ingestion now."""
    now = datetime.now(UTC)
    workers = tuple(_health(report, now) for report in store.ingest_workers.list())
    backlog = store.journey_marks.backlog()
    waited = (now - backlog.oldest_at).total_seconds() if backlog.oldest_at else 0.0
    return IngestReport(
        workers=workers,
        lag=sum(each.lag for each in workers if each.state in ("starting", "running")),
        journeys_waiting=backlog.waiting,
        oldest_journey_seconds=waited,
        journeys_indexed=backlog.indexed,
        dead_letters=store.dead_letters.counts(),
        dropped=_summed(each.details.get("dropped", {}) for each in workers),
    )


def _summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)


def _health(report: WorkerReport, now: datetime) -> WorkerHealth:
    age = (now - report.reported_at).total_seconds()
    said: WorkerState = report.status["state"]
    lag = report.status["lag"]
    return WorkerHealth(
        worker_id=report.worker_id,
        state="silent" if said != "stopped" and age > SILENT_SECONDS else said,
        reported_seconds_ago=age,
        lag=sum(lag.values()),
        partitions=len(report.status.get("partitions", lag)),
        details=report.status,
    )
