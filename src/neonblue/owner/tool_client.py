"""A minimal client: one connection, requests one after the other. Imports no client library."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from neonblue import __version__
from neonblue.errors import InvalidInputError, UnavailableError
from neonblue.owner.connection import Connection

PROTOCOL = "2025-11-25"

Progress = Callable[[float, float, str], None]


class ToolClient:
    """Lists and calls tools over a connection to a server."""

    def __init__(self, connection: Connection, on_progress: Progress | None = None) -> None:
        self._connection = connection
        self._lines = connection.lines()
        self._on_progress = on_progress
        self._last_id = 0
        self._request(
            "initialize",
            protocolVersion=PROTOCOL,
            capabilities={},
            clientInfo={"name": "neonblue", "version": __version__},
        )
        self._send({"method": "notifications/initialized"})

    def tools(self) -> dict[str, dict[str, Any]]:
        """Every tool by name, as the server lists it."""
        return {tool["name"]: tool for tool in self._request("tools/list")["tools"]}

    def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The result of one call, with ``isError`` when the tool refused."""
        return self._request(
            "tools/call", name=name, arguments=arguments, _meta={"progressToken": "call"}
        )

    def _request(self, method: str, **params: Any) -> dict[str, Any]:
        self._last_id += 1
        self._send({"id": self._last_id, "method": method, "params": params})
        for line in self._lines:
            message = json.loads(line)
            if message.get("id") == self._last_id and "method" not in message:
                return _result(message)
            self._progressed(message)
        raise UnavailableError(
            f"the process that held the data ended during {method!r}: it may or may not have "
            "taken effect; read the state first, then call again if it is needed"
        )

    def _progressed(self, message: dict[str, Any]) -> None:
        if self._on_progress and message.get("method") == "notifications/progress":
            params = message["params"]
            self._on_progress(
                params["progress"], params.get("total") or 0, params.get("message") or ""
            )

    def _send(self, message: dict[str, Any]) -> None:
        self._connection.send(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")


def _result(message: dict[str, Any]) -> dict[str, Any]:
    if "error" in message:
        raise InvalidInputError(message["error"]["message"])
    result: dict[str, Any] = message["result"]
    return result
