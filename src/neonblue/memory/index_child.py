"""One process of the embedded index: started, asked with a limit of time, ended.

The process is ``index_worker``. Requests are written and answers awaited by any thread; one thread
reads the answers, and sees when the process ends.
"""

from __future__ import annotations

import logging
import os
import select
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from pathlib import Path
from typing import Any

from neonblue.memory.index_folder import LOG, OPENING, own_folder
from neonblue.memory.index_frames import Frame, frame_bytes, read_frame
from neonblue.memory.vector_index import IndexBrokenError

# -P keeps the working directory off the module path: what lies there is not ours.
COMMAND = (sys.executable, "-P", "-m", "neonblue.memory.index_worker")
OPEN_SECONDS = 600.0
CLOSE_SECONDS = 10.0

logger = logging.getLogger(__name__)


class DamagedIndexError(Exception):
    """The folder must not be opened, or opening it ended the process."""


class IndexChild:
    """One process and the answers that are awaited from it."""

    def __init__(self, place: Path, opening: dict[str, Any]) -> None:
        self._folder = own_folder(place)
        with (place / LOG).open("wb") as log:
            self.process = subprocess.Popen(
                COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self.closed = False
        assert self.process.stdin is not None
        os.set_blocking(self.process.stdin.fileno(), False)
        self._writing = threading.Lock()
        self._guard = threading.Lock()
        self._waiting: dict[int, Future[Any]] = {}
        self._last_id = 0
        self._ended = threading.Event()
        threading.Thread(target=self._read, name="neonblue-index-answers", daemon=True).start()
        opening = {"do": "open", "folder": str(self._folder), **opening}
        self._open = self._send(Frame(opening), OPEN_SECONDS)

    @property
    def alive(self) -> bool:
        """Whether it may still answer."""
        return not self._ended.is_set()

    @property
    def is_open(self) -> bool:
        """Whether the index was opened. True of one that ended meanwhile: asking it says so."""
        return self._open.done() and self._open.exception() is None

    @property
    def ending(self) -> str:
        """How it ended, for people."""
        status = self.process.poll()
        if status is None:
            return "it was lost"
        return f"ended by signal {-status}" if status < 0 else f"ended with status {status}"

    def wait_until_open(self) -> None:
        """Return when the index is open. Raises ``DamagedIndexError`` when it must be thrown away
        and ``IndexBrokenError`` when it may be tried again."""
        try:
            self._result(self._open, OPEN_SECONDS)
        except IndexBrokenError as error:
            if self.alive or self.closed:
                self.kill()
                raise
            if not (self._folder / OPENING).exists():
                raise  # it did not come to the index
            raise DamagedIndexError(f"opening it failed, the process {self.ending}") from error

    def ask(self, frame: Frame, seconds: float) -> Any:
        """The result of a request; a process that does not answer in time is ended."""
        return self._result(self._send(frame, seconds), seconds)

    def close(self) -> None:
        """Let it finish, and end it if it does not."""
        self.closed = True
        with suppress(OSError):
            assert self.process.stdin is not None
            self.process.stdin.close()
        if not self._ended.wait(CLOSE_SECONDS):
            self.kill()

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self._ended.wait(CLOSE_SECONDS)

    def _send(self, frame: Frame, seconds: float) -> Future[Any]:
        future: Future[Any] = Future()
        with self._guard:
            self._last_id += 1
            number = self._last_id
            if self._ended.is_set():
                future.set_exception(self._lost())
                return future
            self._waiting[number] = future
        # Whether all of it was taken is seen by the answer, or by none.
        self._write(frame_bytes(Frame({**frame.head, "id": number}, frame.block)), seconds)
        return future

    def _write(self, message: bytes, seconds: float) -> None:
        """Write to a pipe that may be full because the other side hangs."""
        deadline = time.monotonic() + seconds
        if not self._writing.acquire(timeout=seconds):
            return
        try:
            assert self.process.stdin is not None
            pipe, rest = self.process.stdin.fileno(), memoryview(message)
            room = select.poll()
            room.register(pipe, select.POLLOUT)
            while rest and room.poll(max(0.0, deadline - time.monotonic()) * 1000):
                with suppress(BlockingIOError):
                    rest = rest[os.write(pipe, rest) :]
            if rest:
                self.process.kill()  # it would take the next request for the rest of this one
        except (OSError, ValueError):  # closed, or the process ended
            pass
        finally:
            self._writing.release()

    def _result(self, future: Future[Any], seconds: float) -> Any:
        try:
            return future.result(seconds)
        except FutureTimeoutError:
            self.kill()
            raise IndexBrokenError(
                f"the vector index did not answer within {seconds:.0f} seconds: searches are "
                "answered from ClickHouse while it is started again"
            ) from None

    def _read(self) -> None:
        assert self.process.stdout is not None
        try:
            while (frame := read_frame(self.process.stdout)) is not None:
                self._take(frame.head)
        except (OSError, ValueError, KeyError, TypeError):
            logger.warning("the process of the vector index answered nonsense and is ended")
        self.process.kill()
        self.process.wait()
        with self._guard:
            self._ended.set()
            lost, self._waiting = self._waiting, {}
        for future in lost.values():
            future.set_exception(self._lost())

    def _take(self, head: dict[str, Any]) -> None:
        with self._guard:
            future = self._waiting.pop(int(head["id"]))
        if "damaged" in head:
            future.set_exception(DamagedIndexError(str(head["damaged"])))
        elif "broken" in head:
            future.set_exception(IndexBrokenError(str(head["broken"])))
        else:
            future.set_result(head["result"])

    def _lost(self) -> IndexBrokenError:
        return IndexBrokenError(
            f"the process of the vector index {self.ending}: searches are answered from ClickHouse "
            "while it is started again"
        )
