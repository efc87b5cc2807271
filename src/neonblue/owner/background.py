"""What the process that owns the data does besides answering: memory, forecasts, ingestion."""

from __future__ import annotations

import logging
import threading

from neonblue.errors import NeonBlueError
from neonblue.settings import KafkaSettings

# The first answers to the client come before these tasks' imports.
INGEST_AFTER_SECONDS = 1.0
LEARN_AFTER_SECONDS = 5.0
STOP_SECONDS = 5.0

logger = logging.getLogger(__name__)


class IngestTask:
    """The ingest worker from ``start`` to ``stop``; it does nothing unless Kafka is configured."""

    def __init__(self) -> None:
        self._settings = KafkaSettings()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ingest-owner", daemon=True)

    def start(self) -> None:
        """Begin a little later; returns at once."""
        if self._settings.bootstrap_servers:
            self._thread.start()

    def stop(self) -> None:
        """Drain, commit and leave the group."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        if self._stopping.wait(INGEST_AFTER_SECONDS):
            return
        from neonblue.ingest.stream.service import IngestService
        from neonblue.workspace import open_workspace

        try:
            with open_workspace() as workspace:
                service = IngestService(
                    workspace.store,
                    self._settings,
                    lambda: workspace.memory,
                    workspace.model_files,
                    workspace.event_kinds,
                ).start()
                workspace.changes  # noqa: B018 - opened, it publishes by itself
                self._stopping.wait()
                service.stop(STOP_SECONDS - 0.5)
        except NeonBlueError as error:
            logger.error("events are not read from Kafka: %s", error)


class LearningTask:
    """Runs from ``start`` to ``stop``: finished experiments enter the memory, forecasts are
    judged, the vector index is checked, and the text model is trained when that is due."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="learning-owner", daemon=True)

    def start(self) -> None:
        """Begin a little later; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Let go of the workspace; what is under way ends or is left for the next time."""
        self._stopping.set()
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        from neonblue.owner.preload import is_warm
        from neonblue.workspace import open_workspace

        try:
            with open_workspace() as workspace:
                if is_warm():  # after a takeover somebody waits: the engine opens meanwhile
                    workspace.store  # noqa: B018 - opened
                if self._stopping.wait(LEARN_AFTER_SECONDS):
                    return
                workspace.learner  # noqa: B018 - opened, it goes on by itself
                self._stopping.wait()
        except NeonBlueError as error:
            logger.error("nothing is learnt in the background: %s", error)
