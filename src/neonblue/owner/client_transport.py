"""A FastMCP client's way to the owner of the data directory, for a server that passes it on."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any, Unpack

import anyio
import anyio.from_thread
import anyio.to_thread
from fastmcp.client.transports.base import ClientTransport, SessionKwargs, TransportOptions
from mcp import ClientSession
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from neonblue.owner.connection import Connection
from neonblue.owner.data_directory import DataDirectory
from neonblue.owner.handshake import Request


class OwnerTransport(ClientTransport):
    """Connects to whoever owns the directory at that moment."""

    def __init__(self, directory: DataDirectory, request: Request) -> None:
        self._directory = directory
        self._request = request

    @contextlib.asynccontextmanager
    async def connect_session(
        self,
        *,
        transport_options: TransportOptions | None = None,
        **session_kwargs: Unpack[SessionKwargs],
    ) -> AsyncIterator[ClientSession]:
        """A session that lives as long as its connection."""
        options = transport_options or TransportOptions()
        connection = await anyio.to_thread.run_sync(self._directory.connect, self._request)
        arrived, read_stream = anyio.create_memory_object_stream[SessionMessage | Exception](64)
        write_stream, leaving = anyio.create_memory_object_stream[SessionMessage](64)
        _read_in_thread(connection, arrived)
        async with anyio.create_task_group() as group:
            group.start_soon(_send_all, connection, leaving)
            try:
                async with options.session_class(
                    read_stream=read_stream, write_stream=write_stream, **session_kwargs
                ) as session:
                    yield session
            finally:
                connection.close()
                group.cancel_scope.cancel()


def _read_in_thread(connection: Connection, arrived: Any) -> None:
    token = anyio.lowlevel.current_token()

    def read() -> None:
        with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            for message in _messages(connection):
                anyio.from_thread.run(arrived.send, message, token=token)
        with contextlib.suppress(RuntimeError):  # the loop may have ended first
            anyio.from_thread.run_sync(arrived.close, token=token)

    threading.Thread(target=read, name="owner", daemon=True).start()


def _messages(connection: Connection) -> Iterator[SessionMessage]:
    for line in connection.lines():
        yield SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))


async def _send_all(connection: Connection, leaving: Any) -> None:
    with contextlib.suppress(OSError):  # the reading side tells the session that it is over
        async for item in leaving:
            line = item.message.model_dump_json(by_alias=True, exclude_unset=True).encode()
            await anyio.to_thread.run_sync(connection.send, line + b"\n")
