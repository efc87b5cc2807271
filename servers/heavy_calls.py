"""Few calls that read much run at once; the others wait their turn, and light ones never do.

An analysis keeps a thread and a core busy. Without a limit a burst of them takes every thread, and
a call that needs none of it waits behind them all. So of the tools named here only as many run as
there are cores; the rest wait in turn, one call of each client at a time, and when too many wait a
call is refused at once with what to do. A call that its client gave up leaves the queue.
"""

from __future__ import annotations

import inspect
import logging
import os
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import partial, wraps
from typing import Any

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar
from fastmcp.exceptions import ToolError
from fastmcp.server.dependencies import get_http_request

HEAVY = frozenset(
    {
        *("analyze_experiment_performance", "diagnose_experiment", "analyze_funnel"),
        *("discover_segments", "personalize_experiment_experience", "allocate_traffic"),
        *("optimize_ongoing_experiment", "recommend_experiment_optimization"),
        *("natural_language_query", "run_analytics_sql", "calibrate", "simulate_policy"),
        *("run_optimization_cycle", "design_experiment", "create_experiment"),
    }
)
"""Tools that read an experiment's events, or compute for seconds."""
MAX_RUNNING = max(2, os.cpu_count() or 2)
MAX_WAITING = 256

calling_client: ContextVar[Hashable] = ContextVar("calling_client", default=None)
"""Who sent the call, where a connection serves one client."""


class Turns:
    """At most ``running`` at once; then client by client. One event loop's, so without locks."""

    def __init__(self, *, running: int = MAX_RUNNING, waiting: int = MAX_WAITING) -> None:
        self._free = running
        self._room = waiting
        self._waiting: OrderedDict[Hashable, deque[anyio.Event]] = OrderedDict()

    @asynccontextmanager
    async def turn(self, client: Hashable) -> AsyncIterator[None]:
        """Wait for a turn and hold it. ``ToolError`` when too many wait already."""
        await self._take(client)
        try:
            yield
        finally:
            self._pass_on()

    async def _take(self, client: Hashable) -> None:
        if self._free and not self._waiting:
            self._free -= 1
            return
        if self._room == 0:
            raise ToolError(
                "the server is busy: it has as many analyses waiting as it takes; call again in "
                "some seconds, or wait for the answers of earlier calls first",
                log_level=logging.INFO,
            )
        granted = anyio.Event()
        self._waiting.setdefault(client, deque()).append(granted)
        self._room -= 1
        try:
            await granted.wait()
        except BaseException:
            self._leave(client, granted)
            raise

    def _leave(self, client: Hashable, granted: anyio.Event) -> None:
        """A call that was given up: out of the queue, or its turn goes to the next."""
        if granted.is_set():
            self._pass_on()
            return
        self._waiting[client].remove(granted)
        self._room += 1
        if not self._waiting[client]:
            del self._waiting[client]

    def _pass_on(self) -> None:
        """The turn goes to the client that waits longest for one; it queues again behind all."""
        if not self._waiting:
            self._free += 1
            return
        client, events = self._waiting.popitem(last=False)
        granted = events.popleft()
        if events:
            self._waiting[client] = events
        self._room += 1
        granted.set()


_turns: RunVar[Turns] = RunVar("turns_of_heavy_calls")


def in_turn(function: Callable[..., Any]) -> Callable[..., Any]:
    """The tool's function, run when it is its turn; all servers of a process share the turns."""

    @wraps(function)
    async def later(*args: Any, **kwargs: Any) -> Any:
        call = partial(function, *args, **kwargs)
        async with turns().turn(_client()):
            if inspect.iscoroutinefunction(function):
                return await call()
            return await anyio.to_thread.run_sync(call)

    return later


def turns() -> Turns:
    """The turns of this event loop."""
    try:
        return _turns.get()
    except LookupError:
        made = Turns()
        _turns.set(made)
        return made


def _client() -> Hashable:
    """Whose call it is: a connection's, or over HTTP an address and port's."""
    if (known := calling_client.get()) is not None:
        return known
    try:
        return get_http_request().client
    except RuntimeError:  # not over HTTP
        return None
