"""Serves one client over lines of JSON-RPC, whatever carries them: stdio or a loopback connection.

The client's first request decides the protocol era. When the client stops sending, requests that
it already sent are still answered, for a while: `printf … | neonblue serve` gets its answers.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import anyio
from fastmcp import FastMCP
from fastmcp.server.context import reset_transport, set_transport
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCNotification, JSONRPCRequest, jsonrpc_message_adapter
from pydantic import ValidationError

from neonblue.servers.heavy_calls import calling_client
from neonblue.servers.json_rpc import Arrived, read
from neonblue.servers.protocol_server import protocol_server

DRAIN_SECONDS = 10.0
CANCELLED = "notifications/cancelled"

Incoming = AsyncIterator[bytes]
Send = Callable[[bytes], Awaitable[None]]


class Session:
    """One client of one server; the server's lifespan is entered by whoever made it."""

    def __init__(self, server: FastMCP, incoming: Incoming, send: Send) -> None:
        self._server = protocol_server(server)
        self._incoming = incoming
        self._send = send
        self._unanswered: set[Any] = set()
        self._batches: list[_Batch] = []
        self._sending = anyio.Lock()
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
        client = calling_client.set(object())
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._write, from_server)
                group.start_soon(self._read, to_server)
                await self._server.run(
                    read_stream, write_stream, self._server.create_initialization_options()
                )
                group.cancel_scope.cancel()
        finally:
            calling_client.reset(client)
            reset_transport(token)

    async def _read(self, to_server: Any) -> None:
        async with to_server:
            async for line in self._incoming:
                if line.strip():
                    await self._take(read(line), to_server)
            with anyio.move_on_after(DRAIN_SECONDS):
                while self._unanswered:
                    self._idle = anyio.Event()
                    await self._idle.wait()

    async def _take(self, line: Arrived, to_server: Any) -> None:
        """Pass on what the server can answer, and answer the rest."""
        messages = [parsed for one in line.messages if (parsed := _parsed(one)) is not None]
        requests = [one.id for one in messages if isinstance(one, JSONRPCRequest)]
        self._unanswered.update(requests)
        if line.batch:
            batch = _Batch(waiting=requests, answers=list(line.refusals))
            self._batches.append(batch)
            await self._finish(batch)
        else:
            for refused in line.refusals:
                await self._say(refused)
        for message in messages:
            if isinstance(message, JSONRPCNotification) and message.method == CANCELLED:
                await self._settle((message.params or {}).get("requestId"))
            await to_server.send(SessionMessage(message))

    async def _write(self, from_server: Any) -> None:
        async with from_server:
            async for item in from_server:
                message = item.message
                if hasattr(message, "method"):
                    await self._say(_wire_form(message))
                else:
                    await self._settle(message.id, message)

    async def _settle(self, request_id: Any, answer: Any = None) -> None:
        """A request is answered or cancelled; answers of one batch wait for each other."""
        batch = next((one for one in self._batches if request_id in one.waiting), None)
        if batch is not None:
            batch.waiting.remove(request_id)
            if answer is not None:
                batch.answers.append(json.loads(_wire_form(answer)))
            await self._finish(batch)
        elif answer is not None:
            await self._say(_wire_form(answer))
        self._unanswered.discard(request_id)
        self._idle.set()

    async def _finish(self, batch: "_Batch") -> None:
        if batch.waiting:
            return
        self._batches.remove(batch)
        if batch.answers:
            await self._say(batch.answers)

    async def _say(self, answer: Any) -> None:
        line = answer if isinstance(answer, bytes) else json.dumps(answer).encode() + b"\n"
        async with self._sending:
            await self._send(line)


@dataclass(slots=True)
class _Batch:
    """The requests of one line that wait for their answers, and the answers so far."""

    waiting: list[Any]
    answers: list[Any]


def _parsed(message: dict[str, Any]) -> Any:
    try:
        return jsonrpc_message_adapter.validate_python(message, by_name=False)
    except ValidationError:  # an answer to nothing that was asked
        return None


def _wire_form(message: Any) -> bytes:
    line: str = message.model_dump_json(by_alias=True, exclude_unset=True)
    return line.encode() + b"\n"
