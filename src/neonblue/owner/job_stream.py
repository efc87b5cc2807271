"""A job over a connection: lines of progress, then one line with its result or its error."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import partial
from typing import Any

import anyio
import anyio.from_thread

from neonblue import errors
from neonblue.jobs import Report, find_job
from neonblue.workspace import open_workspace

SECONDS_BETWEEN_REPORTS = 0.05

Send = Callable[[bytes], Coroutine[Any, Any, None]]
Read = Callable[[], Coroutine[Any, Any, bytes]]

logger = logging.getLogger(__name__)


async def run_streamed(name: str, arguments: Mapping[str, Any], send: Send, read: Read) -> None:
    """Run the job in a thread and send how it goes; it stops at its next report if nobody reads.

    ``read`` waits for more from the client, which sends nothing: it ends when the client does.
    """
    left = threading.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_watch, read, left)
        last = await anyio.to_thread.run_sync(partial(_outcome, name, arguments, send, left))
        tasks.cancel_scope.cancel()
    if last is not None:
        await send(_line(last))


async def _watch(read: Read, left: threading.Event) -> None:
    try:
        while True:
            await read()
    except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
        left.set()


def read_streamed(lines: Iterable[bytes], report: Report) -> dict[str, Any] | None:
    """The result of a job from its lines, or None when they end before it did.

    Raises the job's own ``NeonBlueError``.
    """
    for line in lines:
        message = json.loads(line)
        if "progress" in message:
            report(*message["progress"])
        elif "error" in message:
            raise _error(**message["error"])
        else:
            result: dict[str, Any] = message["result"]
            return result
    return None


def _outcome(
    name: str, arguments: Mapping[str, Any], send: Send, left: threading.Event
) -> dict[str, Any] | None:
    """The job's last line; None if the client left, and the job with it."""
    last_sent = 0.0

    def report(done: float, total: float, message: str) -> None:
        nonlocal last_sent
        if left.is_set():
            raise anyio.BrokenResourceError
        now = time.monotonic()
        if done < total and now - last_sent < SECONDS_BETWEEN_REPORTS:
            return
        last_sent = now
        anyio.from_thread.run(send, _line({"progress": [done, total, message]}))

    try:
        with open_workspace() as workspace:
            return {"result": find_job(name)(workspace, arguments, report)}
    except errors.NeonBlueError as error:
        return {"error": {"kind": type(error).__name__, "message": str(error)}}
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        return None
    except Exception:  # a mistake of ours must reach the log here and the person over there
        logger.exception("the job %r failed", name)
        return {"error": {"kind": "", "message": f"the job {name!r} failed: see the log above"}}


def _error(kind: str, message: str) -> Exception:
    found = getattr(errors, kind, None)
    if isinstance(found, type) and issubclass(found, errors.NeonBlueError):
        return found(message)
    return errors.UnavailableError(message)


def _line(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"
