"""The worker put together from its parts, and run until it is asked to stop."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from neonblue.errors import UnavailableError
from neonblue.ingest.definitions.captured import Definitions
from neonblue.ingest.stream.changed_journeys import ChangedJourneys
from neonblue.ingest.stream.enrich import Enricher
from neonblue.ingest.stream.event_vectors import EventVectors
from neonblue.ingest.stream.journey_index import JourneyIndex, kinds_of_store
from neonblue.ingest.stream.pipeline import Pipeline
from neonblue.ingest.stream.status import StatusBoard
from neonblue.ingest.stream.telemetry import Telemetry
from neonblue.ingest.stream.trained_models import TrainedNextAction, TrainedScorer

if TYPE_CHECKING:
    from neonblue.behavior.conversion_events import FindKinds
    from neonblue.behavior.model_files import ModelFiles
    from neonblue.ingest.stream.worker import Worker
    from neonblue.memory.library import Memory
    from neonblue.settings import KafkaSettings
    from neonblue.stores import Store

logger = logging.getLogger(__name__)

FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 30.0
LEAVE_SECONDS = 4.0


def open_pipeline(
    store: Store,
    *,
    source: str,
    models: ModelFiles | None = None,
    changed_journeys: ChangedJourneys | None = None,
    kinds: FindKinds | None = None,
) -> Pipeline:
    """A pipeline whose enrichment starts from what ClickHouse has, with trained models if given.

    ``kinds`` says what event types are taken for; without it the store's experiments and words do.
    """
    enricher = Enricher(
        TrainedScorer(models) if models else None,
        TrainedNextAction(models) if models else None,
        kinds or kinds_of_store(store),
    )
    pipeline = Pipeline(
        store,
        Definitions(store),
        source=source,
        enricher=enricher,
        changed_journeys=changed_journeys,
    )
    pipeline.recall_before_next()
    return pipeline


class IngestService:
    """The Kafka worker and the index of journeys, in threads beside whatever else runs.

    ``memory`` is opened only when the first journey is to be indexed. When Kafka is not there yet,
    it is asked again until it is or ``stop`` is called.
    """

    def __init__(
        self,
        store: Store,
        settings: KafkaSettings,
        memory: Callable[[], Memory],
        models: ModelFiles | None = None,
        kinds: FindKinds | None = None,
    ) -> None:
        self._store = store
        self._kinds = kinds or kinds_of_store(store)
        self._settings = settings
        self._board = StatusBoard(store, Telemetry())
        self._vectors = EventVectors()
        self._changed_journeys = ChangedJourneys()
        self._journeys = JourneyIndex(
            store, memory, self._board, self._vectors, self._changed_journeys, self._kinds
        )
        self._models = models
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)
        self._leave_by = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._worker: Worker | None = None

    def start(self) -> IngestService:
        """Begin; returns at once."""
        self._thread.start()
        self._journeys.start()
        return self

    def ask_to_stop(self) -> None:
        """Ask the worker to drain and leave; returns at once, also in a signal handler."""
        self._stopping.set()
        self._leave_by = time.monotonic() + LEAVE_SECONDS
        self._journeys.ask_to_stop()
        loop, worker = self._loop, self._worker
        if loop is not None and worker is not None:
            loop.call_soon_threadsafe(worker.stop)

    def stop(self, timeout_seconds: float = 5.0) -> bool:
        """Drain and leave the group; whether that was done in time."""
        deadline = time.monotonic() + timeout_seconds
        self.ask_to_stop()
        self._thread.join(timeout_seconds)
        indexed = self._journeys.stop(max(0.0, deadline - time.monotonic()))
        return indexed and not self._thread.is_alive()

    def wait(self) -> None:
        """Return when the worker has ended."""
        self._thread.join()
        # What it is at stays marked in ClickHouse; whoever asked has waited for the worker already.
        self._journeys.stop(max(0.5, self._leave_by - time.monotonic()))

    def _run(self) -> None:
        delay = FIRST_RETRY_SECONDS
        while not self._stopping.is_set():
            started = time.monotonic()
            self._attempt()
            if time.monotonic() - started > LONGEST_RETRY_SECONDS:
                delay = FIRST_RETRY_SECONDS
            self._stopping.wait(delay)
            delay = min(2 * delay, LONGEST_RETRY_SECONDS)

    def _attempt(self) -> None:
        try:
            asyncio.run(self._work())
        except UnavailableError as error:
            self._board.trouble(str(error))
            logger.warning("the worker starts again: %s", error)
        except Exception as error:
            # A server must not lose its worker over a fault nobody foresaw: say so, go on.
            self._board.trouble(repr(error))
            logger.exception("the worker failed and starts again")

    async def _work(self) -> None:
        from neonblue.ingest.stream.worker import Worker

        pipeline = open_pipeline(
            self._store,
            source="kafka",
            models=self._models,
            changed_journeys=self._changed_journeys,
            kinds=self._kinds,
        )
        worker = Worker(self._settings, pipeline, self._board, self._vectors)
        self._loop, self._worker = asyncio.get_running_loop(), worker
        try:
            # A wish to stop from before the worker was there would otherwise be missed.
            if not self._stopping.is_set():
                await worker.run()
        finally:
            self._loop = self._worker = None
