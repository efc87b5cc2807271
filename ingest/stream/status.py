"""How a worker fares: counted here, reported to ClickHouse so that every server can show it."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from neonblue.errors import UnavailableError
from neonblue.ingest.stream.batch import FORGOTTEN_USER

if TYPE_CHECKING:
    from neonblue.ingest.stream.batch import Prepared, Written
    from neonblue.ingest.stream.telemetry import Telemetry
    from neonblue.stores import Store

logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class WorkerStatus:
    """Counts since the worker started; ``lag`` is messages not committed, by topic:partition.

    ``partitions`` are those the group has given to this worker; ``dropped`` counts messages that
    were read and not kept anywhere, by reason. ``retries`` counts attempts to store a batch that
    failed for no fault of a message; ``held_up_since`` is when the one under way began to fail, 0
    when none does. ``unpublished`` counts messages that a topic did not take, by topic.
    """

    started_at: float
    state: str = "starting"
    messages: int = 0
    events: int = 0
    deletions: int = 0
    definitions: int = 0
    dead_letters: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    partitions: list[str] = field(default_factory=list)
    lag: dict[str, int] = field(default_factory=dict)
    paused: bool = False
    retries: int = 0
    held_up_since: float = 0.0
    unpublished: dict[str, int] = field(default_factory=dict)
    journeys_waiting: int = 0
    oldest_journey_seconds: float = 0.0
    journeys_indexed: int = 0
    last_trouble: str = ""
    last_trouble_at: float = 0.0


class StatusBoard:
    """The worker writes here; every ``interval_seconds`` its state goes to ClickHouse."""

    interval_seconds = 2.0

    def __init__(self, store: Store, telemetry: Telemetry, *, worker_id: str | None = None) -> None:
        self._store = store
        self._telemetry = telemetry
        self._guard = threading.Lock()
        self.worker_id = worker_id or f"{socket.gethostname()}:{os.getpid()}"
        self.now = WorkerStatus(started_at=time.time())
        self._held: dict[str, float] = {}

    def delivered(self, prepared: Prepared, written: Written) -> None:
        """A batch is durable and its offsets are committed."""
        with self._guard:
            self.now.state = "running"
            self.now.messages += len(prepared.records)
            self.now.events += written.events
            self.now.deletions += written.deletions
            self.now.definitions += written.definitions
            self.now.dead_letters += len(written.dead_letters)
            if written.dropped:
                self.now.dropped[FORGOTTEN_USER] = (
                    self.now.dropped.get(FORGOTTEN_USER, 0) + written.dropped
                )
        self._telemetry.delivered(len(prepared.records), written)

    def journeys(self, *, waiting: int, oldest_seconds: float, indexed: int) -> None:
        """How far the index of journeys is behind."""
        with self._guard:
            self.now.journeys_waiting = waiting
            self.now.oldest_journey_seconds = oldest_seconds
        self._telemetry.journeys(waiting, oldest_seconds)
        self.journeys_indexed(indexed)

    def journeys_indexed(self, indexed: int) -> None:
        """Journeys became searchable."""
        with self._guard:
            self.now.journeys_indexed += indexed
        self._telemetry.journeys_indexed(indexed)

    def assigned(self, partitions: Iterable[str]) -> None:
        """Which partitions are this worker's now."""
        with self._guard:
            self.now.partitions = sorted(partitions)

    def paused(self, paused: bool) -> None:
        """Whether the worker has stopped fetching until it has caught up with writing."""
        with self._guard:
            self.now.paused = paused

    def held_up(self, step: str, why: str) -> None:
        """A step of a batch fails for no fault of a message; it is tried again."""
        with self._guard:
            self.now.retries += 1
            self._held.setdefault(step, time.time())
            self.now.held_up_since = min(self._held.values())
        self.trouble(why)

    def going_on(self, step: str) -> None:
        """The step was done."""
        with self._guard:
            self._held.pop(step, None)
            self.now.held_up_since = min(self._held.values(), default=0.0)

    def unpublished(self, topic: str, messages: int, why: str) -> None:
        """A topic did not take messages that are safe elsewhere."""
        with self._guard:
            self.now.unpublished[topic] = self.now.unpublished.get(topic, 0) + messages
        self._telemetry.unpublished(topic, messages)
        self.trouble(f"{messages} messages were not published to {topic!r}: {why}")

    def trouble(self, what: str) -> None:
        """Something went wrong that will be tried again."""
        with self._guard:
            self.now.last_trouble, self.now.last_trouble_at = what, time.time()
        self._telemetry.trouble()

    def report(self, lag: Mapping[str, int]) -> None:
        """Write the state down; when ClickHouse is away, the next report will do."""
        with self._guard:
            self.now.lag = dict(lag)
            state = asdict(self.now)
        self._telemetry.lag(lag)
        try:
            self._store.ingest_workers.report(self.worker_id, state)
        except UnavailableError as error:
            logger.info("could not report: %s", error)

    def left(self) -> None:
        """The worker is leaving in good order."""
        with self._guard:
            self.now.state = "stopped"
        self.report({})
