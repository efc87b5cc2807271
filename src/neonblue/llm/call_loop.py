"""Calls to a model from threads, with an end: a deadline over all of it, and cancellation.

The SDKs' own timeout is for one attempt and for one read of it: a body that trickles, or a server
that asks to be tried again in an hour, would hold a thread as long as it likes. Calls run as tasks
of one event loop; a task that is cancelled closes its connection.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from neonblue.llm.provider import ModelFailedError

Value = TypeVar("Value")
POLL_SECONDS = 0.05
GRACE_SECONDS = 0.5
"""For the connection to close after the deadline; nobody waits longer for that."""


class CallLoop:
    """One event loop in a thread of its own, started with the first call."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def run(self, call: Coroutine[Any, Any, Value], *, seconds: float) -> Value:
        """The call's result.

        Raises ``ModelFailedError`` after the seconds, and whatever cancels the caller, if it is a
        worker thread of a task that is cancelled; the call is cancelled as well then.
        """
        future: Future[Value] = asyncio.run_coroutine_threadsafe(
            _limited(call, seconds), self._started()
        )
        until = time.monotonic() + seconds + GRACE_SECONDS
        try:
            while not wait([future], timeout=POLL_SECONDS).done:
                _check_cancelled()
                if time.monotonic() > until:
                    raise _too_slow(seconds)
        except BaseException:
            future.cancel()
            raise
        return future.result()

    def close(self, last: Coroutine[Any, Any, None]) -> None:
        """Run a last call, if any other ever ran, and end the thread."""
        with self._guard:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            last.close()
            return
        wait([asyncio.run_coroutine_threadsafe(last, loop)], timeout=2)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(2)

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._guard:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_serve, args=(self._loop,), name="language-model", daemon=True
                )
                self._thread.start()
            return self._loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
    finally:
        loop.close()


async def _limited(call: Coroutine[Any, Any, Value], seconds: float) -> Value:
    try:
        async with asyncio.timeout(seconds):
            return await call
    except TimeoutError as error:
        raise _too_slow(seconds) from error


def _too_slow(seconds: float) -> ModelFailedError:
    return ModelFailedError(
        f"the language model did not answer within {seconds:g} seconds: raise "
        "NEONBLUE_LLM_TIMEOUT_SECONDS, or set NEONBLUE_LLM_PROVIDER=none",
        "timeout",
    )


def _check_cancelled() -> None:
    """End the wait when the tool call that this thread works for was cancelled."""
    from anyio.from_thread import check_cancelled

    try:
        check_cancelled()
    except RuntimeError:
        return  # no worker thread of an event loop, so nobody can cancel it
