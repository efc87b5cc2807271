"""The way from this process to whoever owns a data directory, which may become itself."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from neonblue.errors import StoreBusyError
from neonblue.owner.connection import Connection
from neonblue.owner.handshake import Request
from neonblue.owner.lock import Ownership, claim, find_address

if TYPE_CHECKING:
    from neonblue.owner.background import IngestTask, LearningTask
    from neonblue.owner.endpoint import Endpoint

FIRST_PAUSE_SECONDS = 0.005
MAX_PAUSE_SECONDS = 0.1
PATIENCE_SECONDS = 30.0

logger = logging.getLogger(__name__)


class DataDirectory:
    """Owns the directory, or reaches its owner. ``close`` lets the next process own it.

    An owner that stays (``serving``) also keeps up memory and forecasts, and reads events from
    Kafka if that is configured.
    """

    def __init__(self, path: Path, *, serving: bool = False) -> None:
        self._path = path
        self._serving = serving
        self._background: list[IngestTask | LearningTask] = []
        self._guard = threading.Lock()
        self._ownership: Ownership | None = None
        self._endpoint: Endpoint | None = None

    def own(self) -> bool:
        """Become the owner and listen for the others, unless another process is."""
        with self._guard:
            if self._ownership is not None:
                return True
            if (ownership := claim(self._path)) is None:
                return False
            from neonblue.owner.endpoint import Endpoint

            endpoint = Endpoint()
            try:
                ownership.publish(endpoint.start())
            except BaseException:
                # Also on an interrupt: a folder that is held and not served is lost to everybody.
                endpoint.stop()
                ownership.release()
                raise
            self._ownership, self._endpoint = ownership, endpoint
            if self._serving:
                self._start_background()
            return True

    def connect(self, request: Request) -> Connection:
        """A connection to the owner; when there is none, this process becomes it first.

        Raises ``StoreBusyError`` when the directory stays locked and its owner does not answer.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        pause = FIRST_PAUSE_SECONDS
        while time.monotonic() < deadline:
            if (connection := self._reach(request)) is not None:
                return connection
            if not self.own():
                time.sleep(pause)
                pause = min(2 * pause, MAX_PAUSE_SECONDS)
        raise StoreBusyError(
            f"another process holds {str(self._path)!r} and does not answer: "
            "`neonblue doctor` shows which one; end it and try again"
        )

    def close(self, *, drain_seconds: float = 0.0) -> None:
        """Answer what others asked for, close the stores, let go."""
        with self._guard:
            for work in self._background:
                work.stop()
            if self._endpoint is not None:
                self._endpoint.stop(drain_seconds=drain_seconds)
            if self._ownership is not None:
                self._ownership.release()
            self._endpoint, self._ownership, self._background = None, None, []

    def _start_background(self) -> None:
        from neonblue.owner.background import IngestTask, LearningTask

        self._background = [IngestTask(), LearningTask()]
        for work in self._background:
            work.start()

    def _reach(self, request: Request) -> Connection | None:
        address = find_address(self._path)
        if address is None:
            return None
        try:
            return Connection(address, request)
        except OSError as error:
            logger.debug("the owner %s does not answer: %s", address.pid, error)
            return None
