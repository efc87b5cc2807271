"""The owner's loopback endpoint: other processes of this user talk to the servers through it.

It listens on a random port of 127.0.0.1 in a thread of its own, so it answers while the process
serves its own client, loads a file or still imports. A connection begins with the token and a
``Request``; after that it carries JSON-RPC lines, or one job with its progress.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import anyio
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

from neonblue import __version__
from neonblue.owner.handshake import (
    MAX_REQUEST_LINE,
    MAX_TOKEN_LINE,
    SECONDS,
    Request,
    read_request,
    shows_token,
)
from neonblue.owner.lock import Address

if TYPE_CHECKING:
    from fastmcp import FastMCP

    from neonblue.servers.session import Session

JOIN_SECONDS = 10.0
HUNG_UP = (
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
    anyio.IncompleteRead,
)

logger = logging.getLogger(__name__)


class Endpoint:
    """Accepts connections from ``start`` to ``stop``."""

    def __init__(self) -> None:
        self._token = secrets.token_urlsafe(32)
        self._thread = threading.Thread(target=self._run, name="endpoint", daemon=True)
        self._listening = threading.Event()
        self._port = 0
        self._servers: dict[tuple[str, bool], FastMCP] = {}
        self._sessions: set[Session] = set()
        self._jobs = 0

    def start(self) -> Address:
        """Listen, and say where."""
        self._thread.start()
        self._listening.wait()
        return Address(port=self._port, token=self._token, pid=os.getpid())

    def stop(self, *, drain_seconds: float = 0.0) -> None:
        """Answer what is under way if it takes no longer, then hang up on everybody."""
        deadline = time.monotonic() + drain_seconds
        while self.busy and time.monotonic() < deadline:
            time.sleep(0.02)
        self._loop.call_soon_threadsafe(self._scope.cancel)
        self._thread.join(JOIN_SECONDS)

    @property
    def busy(self) -> bool:
        """Whether a job runs or a request waits for its answer."""
        return self._jobs > 0 or any(session.busy for session in tuple(self._sessions))

    def _run(self) -> None:
        anyio.run(self._listen)

    async def _listen(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._building = anyio.Lock()
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        self._port = listener.extra(SocketAttribute.local_port)
        async with listener, anyio.create_task_group() as self._keepers:
            self._scope = self._keepers.cancel_scope
            self._listening.set()
            await listener.serve(self._accept)

    async def _accept(self, stream: SocketStream) -> None:
        async with stream:
            lines = BufferedByteReceiveStream(stream)
            try:
                if (request := await self._shake_hands(stream, lines)) is not None:
                    await self._grant(request, stream, lines)
            except HUNG_UP:
                logger.debug("a client hung up")
            except Exception:  # one client's trouble must not end the others' connections
                logger.exception("a client's connection failed")

    async def _shake_hands(
        self, stream: SocketStream, lines: BufferedByteReceiveStream
    ) -> Request | None:
        """What the client wants, once it has shown the token; None to hang up on it."""
        try:
            with anyio.fail_after(SECONDS):
                first = await lines.receive_until(b"\n", MAX_TOKEN_LINE)
                if not shows_token(first, self._token):
                    return None
                welcome = {"pid": os.getpid(), "version": __version__}
                await stream.send(json.dumps(welcome).encode() + b"\n")
                return read_request(await lines.receive_until(b"\n", MAX_REQUEST_LINE))
        except (TimeoutError, anyio.DelimiterNotFound):
            return None

    async def _grant(
        self, request: Request, stream: SocketStream, lines: BufferedByteReceiveStream
    ) -> None:
        if request.kind == "session":
            await self._serve(request, stream, lines)
        elif request.kind == "job":
            from neonblue.owner.job_stream import run_streamed

            self._jobs += 1
            try:
                await run_streamed(
                    request.name, request.arguments or {}, stream.send, partial(lines.receive, 1)
                )
            finally:
                self._jobs -= 1

    async def _serve(
        self, request: Request, stream: SocketStream, lines: BufferedByteReceiveStream
    ) -> None:
        server = await self._server(request.name, request.read_only)
        from neonblue.servers.json_rpc import stream_lines
        from neonblue.servers.session import Session

        session = Session(server, stream_lines(lines), stream.send)
        self._sessions.add(session)
        try:
            await session.run()
        finally:
            self._sessions.discard(session)

    async def _server(self, name: str, read_only: bool) -> FastMCP:
        async with self._building:
            if (name, read_only) not in self._servers:
                from neonblue.owner.preload import build_imported

                server = await anyio.to_thread.run_sync(build_imported, name, read_only)
                await self._keepers.start(_keep_alive, server)
                self._servers[name, read_only] = server
            return self._servers[name, read_only]


async def _keep_alive(
    server: FastMCP, *, task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED
) -> None:
    """Enter and leave the server's lifespan in one task, as its context variables need."""
    from neonblue.servers.protocol_server import lifespan

    async with lifespan(server):
        task_status.started()
        await anyio.sleep_forever()
