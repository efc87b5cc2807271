"""The ingest worker inside the process that owns the data, when Kafka is configured."""

from __future__ import annotations

import logging
import threading

from neonblue.errors import NeonBlueError
from neonblue.settings import KafkaSettings

# The first answer to the client comes before the worker's imports.
START_AFTER_SECONDS = 1.0
STOP_SECONDS = 5.0

logger = logging.getLogger(__name__)


class EmbeddedIngest:
    """Runs from ``start`` to ``stop`` in threads of its own; without Kafka it does nothing."""

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
        if self._stopping.wait(START_AFTER_SECONDS):
            return
        from neonblue.ingest.service import IngestService
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
                self._stopping.wait()
                service.stop(STOP_SECONDS - 0.5)
        except NeonBlueError as error:
            logger.error("events are not read from Kafka: %s", error)
