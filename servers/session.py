"""Serves one client over lines of JSON-RPC, whatever carries them: stdio or a loopback connection.

The client's first request decides the protocol era. When the client stops sending, requests that
it already sent are still answered, for a while: `printf … | neonblue serve` gets its answers.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio
from fastmcp import FastMCP
from fastmcp.server.context import reset_transport, set_transport
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCNotification, JSONRPCRequest, jsonrpc_message_adapter
from pydantic import ValidationError

DRAIN_SECONDS = 10.0
CANCELLED = "notifications/cancelled"

Incoming = AsyncIterator[bytes]
Send = Callable[[bytes], Awaitable[None]]


class Session:
    """One client of one server; the server's lifespan is entered by whoever made it."""

    def __init__(self, server: FastMCP, incoming: Incoming, send: Send) -> None:
        self._server = server._mcp_server
        self._incoming = incoming
        self._send = send
        self._unanswered: set[Any] = set()
        self._idle = anyio.Event()

    @property
    def busy(self) -> bool:
        """Whether a request waits for its answer."""
        return bool(self._unanswered)

    async def run(self) -> None:
        """Serve until the client stops sending and its requests are answered."""
        to_server, read_stream = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        write_stream, from_server = anyio.create_memory_object_stream[SessionMessage](0)
        token = set_transport("stdio")
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._write, from_server)
                group.start_soon(self._read, to_server)
                await self._server.run(
                    read_stream, write_stream, self._server.create_initialization_options()
                )
                group.cancel_scope.cancel()
        finally:
            reset_transport(token)

    async def _read(self, to_server: Any) -> None:
        async with to_server:
            async for line in self._incoming:
                await to_server.send(self._parsed(line))
            with anyio.move_on_after(DRAIN_SECONDS):
                while self._unanswered:
                    self._idle = anyio.Event()
                    await self._idle.wait()

    def _parsed(self, line: bytes) -> SessionMessage | Exception:
        try:
            message = jsonrpc_message_adapter.validate_json(line, by_name=False)
        except ValidationError as error:
            return error
        if isinstance(message, JSONRPCRequest):
            self._unanswered.add(message.id)
        elif isinstance(message, JSONRPCNotification) and message.method == CANCELLED:
            self._settle((message.params or {}).get("requestId"))
        return SessionMessage(message)

    async def _write(self, from_server: Any) -> None:
        async with from_server:
            async for item in from_server:
                message = item.message
                await self._send(
                    message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n"
                )
                if not hasattr(message, "method"):
                    self._settle(message.id)

    def _settle(self, request_id: Any) -> None:
        self._unanswered.discard(request_id)
        self._idle.set()
