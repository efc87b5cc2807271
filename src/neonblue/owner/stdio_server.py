"""Serves the client on this process's own stdio, until it leaves or SIGTERM comes."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator

import anyio
import anyio.to_thread
from fastmcp import FastMCP

from neonblue.owner.shutdown import LAST_SECONDS, exit_within
from neonblue.servers.json_rpc import Wire
from neonblue.servers.protocol_server import lifespan
from neonblue.servers.session import Session


def serve_wire(server: FastMCP, wire: Wire) -> None:
    """Serve; the server's lifespan, and with it the stores, is closed on return."""
    anyio.run(_serve, server, wire)


async def _serve(server: FastMCP, wire: Wire) -> None:
    async with lifespan(server), anyio.create_task_group() as group:
        group.start_soon(_cancel_on_signal, group.cancel_scope)

        async def send(line: bytes) -> None:
            await anyio.to_thread.run_sync(wire.write, line, abandon_on_cancel=True)

        try:
            await Session(server, _lines(wire), send).run()
        except* BrokenPipeError:
            pass  # the client left without reading its answers
        group.cancel_scope.cancel()


async def _cancel_on_signal(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            exit_within(LAST_SECONDS)
            scope.cancel()


async def _lines(wire: Wire) -> AsyncIterator[bytes]:
    """Lines read by a thread that nobody waits for: a blocked read must not delay the end."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[bytes | None] = asyncio.Queue()

    def read() -> None:
        for line in wire.lines():
            loop.call_soon_threadsafe(arrived.put_nowait, line)
        loop.call_soon_threadsafe(arrived.put_nowait, None)

    threading.Thread(target=read, name="stdin", daemon=True).start()
    while (line := await arrived.get()) is not None:
        yield line
