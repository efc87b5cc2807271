"""Memory and forecasts kept up by the process that owns the data, whether or not anybody asks."""

from __future__ import annotations

import logging
import threading

from neonblue.errors import NeonBlueError

# The first answers to the client come before these imports.
START_AFTER_SECONDS = 5.0
STOP_SECONDS = 5.0

logger = logging.getLogger(__name__)


class EmbeddedLearning:
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
        from neonblue.servers.starting import is_warm
        from neonblue.workspace import open_workspace

        try:
            with open_workspace() as workspace:
                if is_warm():  # after a takeover somebody waits: the engine opens meanwhile
                    workspace.store  # noqa: B018 - opened
                if self._stopping.wait(START_AFTER_SECONDS):
                    return
                workspace.learner  # noqa: B018 - opened, it goes on by itself
                self._stopping.wait()
        except NeonBlueError as error:
            logger.error("nothing is learnt in the background: %s", error)
