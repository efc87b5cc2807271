"""What we need of FastMCP and it keeps private: a server's protocol side and its lifespan."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from fastmcp import FastMCP


def protocol_server(server: FastMCP) -> Any:
    """The server that speaks the protocol over a pair of streams of messages."""
    return server._mcp_server


def lifespan(server: FastMCP) -> AbstractAsyncContextManager[None]:
    """What is open while the server runs; one task has to enter and leave it."""
    return server._lifespan_manager()
