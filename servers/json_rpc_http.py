"""JSON-RPC in the bodies of HTTP requests: whatever carries an id is answered, batches too."""

from __future__ import annotations

import json
from collections.abc import Iterator, MutableMapping
from typing import Any

from neonblue.servers.json_rpc import (
    INVALID_REQUEST,
    MAX_MESSAGE_BYTES,
    Arrived,
    read,
    refusal,
)

BAD_REQUEST, ACCEPTED, TOO_LARGE, OK = 400, 202, 413, 200

Message = MutableMapping[str, Any]


class JsonRpcBodies:
    """An ASGI application before the one that serves MCP: it hands on single messages only.

    The bodies of clients that did not show a token are not read: the application refuses them.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "POST" or not _authenticated(scope):
            await self._app(scope, receive, send)
            return
        body = await _body(receive)
        if body is None:
            too_long = f"more than {MAX_MESSAGE_BYTES} bytes in one message: send less at once"
            await _respond(send, TOO_LARGE, refusal(INVALID_REQUEST, too_long))
            return
        what = read(body)
        if what.batch:
            await self._answer_batch(what, scope, receive, send)
        elif what.refusals:
            await _respond(send, BAD_REQUEST, what.refusals[0])
        else:
            await self._pass_on(what.messages[0], scope, receive, send)

    async def _pass_on(self, message: Any, scope: Any, receive: Any, send: Any) -> None:
        body = json.dumps(message).encode()
        await self._app(_with_length(scope, len(body)), _replay(body, receive), send)

    async def _answer_batch(self, what: Arrived, scope: Any, receive: Any, send: Any) -> None:
        answers: list[Any] = list(what.refusals)
        headers: list[Any] = []
        for message in what.messages:
            response = _Response()
            await self._pass_on(message, scope, receive, response.take)
            answers += [one for one in response.messages() if "method" not in one]
            headers = headers or response.session_header()
        await _respond(send, OK if answers else ACCEPTED, answers or None, headers)


class _Response:
    """What the application sent for one message of a batch."""

    def __init__(self) -> None:
        self._start: Message = {}
        self._body = b""

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body":
            self._body += message.get("body", b"")

    def messages(self) -> Iterator[dict[str, Any]]:
        """The JSON-RPC messages in it, sent as JSON or as events."""
        lines = [self._body, *self._body.splitlines()] if b"\n" in self._body else [self._body]
        for line in lines:
            try:
                value = json.loads(line.removeprefix(b"data:"))
            except ValueError:
                continue
            if isinstance(value, dict) and "jsonrpc" in value:
                yield value

    def session_header(self) -> list[Any]:
        headers = self._start.get("headers", [])
        return [pair for pair in headers if pair[0].lower() == b"mcp-session-id"]


def _authenticated(scope: Any) -> bool:
    return bool(getattr(scope.get("user"), "is_authenticated", False))


async def _body(receive: Any) -> bytes | None:
    """The whole body, or None when it is too large."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_MESSAGE_BYTES:
            return None
        if message["type"] != "http.request" or not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Any) -> Any:
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Any:
        return waiting.pop() if waiting else await receive()

    return next_message


def _with_length(scope: Any, length: int) -> Any:
    headers = [pair for pair in scope["headers"] if pair[0].lower() != b"content-length"]
    return {**scope, "headers": [*headers, (b"content-length", str(length).encode())]}


async def _respond(send: Any, status: int, value: Any, headers: list[Any] | None = None) -> None:
    body = b"" if value is None else json.dumps(value).encode()
    kind = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": kind + (headers or [])})
    await send({"type": "http.response.body", "body": body})
