"""OFREP, OpenFeature's remote evaluation protocol, from ``serve --http``.

``POST /ofrep/v1/evaluate/flags/{key}`` answers one flag, ``POST /ofrep/v1/evaluate/flags`` all of
them, with an ETag. The server's bearer tokens hold here too: reading evaluates, recording exposures
needs the scope to write. Where another process owns the data, it is asked.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote

import anyio.to_thread
import msgspec

from neonblue.errors import NeonBlueError
from neonblue.optimization.flags import (
    BAD_REQUEST,
    OK,
    FlagAnswer,
    FlagContext,
    FlagContextError,
    answered,
    evaluate_all,
    evaluate_flag,
    evaluate_from_memory,
    failure,
    read_context,
    unavailable,
)
from neonblue.servers.http_token import WRITE

if TYPE_CHECKING:
    from neonblue.workspace import Workspace

logger = logging.getLogger(__name__)

BULK_PATH = "/ofrep/v1/evaluate/flags"
PREFIX = "/ofrep/"
MAX_BODY_BYTES = 1 << 20
NOT_MODIFIED, UNAUTHORIZED, FORBIDDEN, UNKNOWN, WRONG_METHOD = 304, 401, 403, 404, 405
TOO_LARGE, FAULT = 413, 500
JSON = (b"content-type", b"application/json")
Headers = Sequence[tuple[bytes, bytes]]
RunJob = Callable[[str, Mapping[str, Any], Callable[[float, float, str], None]], dict[str, Any]]
MAY_NOT_RECORD = (
    "recordExposure needs a token that may write, NEONBLUE_HTTP_TOKEN's, and a server that is not "
    "read-only (NEONBLUE_READ_ONLY)"
)
BEARER: Headers = ((b"www-authenticate", b"Bearer"),)


class Flags(Protocol):
    """Who knows the flags: this process, or the owner of the data."""

    @property
    def records(self) -> bool:
        """Whether exposures may be recorded: not in a read-only server."""

    def at_once(self, key: str, context: FlagContext) -> FlagAnswer | None:
        """One flag without waiting for anything; None when something has to be read first."""

    def one(self, key: str, context: FlagContext) -> FlagAnswer:
        """One flag."""

    def all(self, context: FlagContext) -> FlagAnswer:
        """Every flag."""


class OwnFlags:
    """The flags of the data that this process has."""

    def __init__(self, workspace: Workspace, *, records: bool) -> None:
        self._workspace = workspace
        self.records = records

    def at_once(self, key: str, context: FlagContext) -> FlagAnswer | None:
        """From memory, and only without an exposure to be recorded."""
        if context.record:
            return None
        found = evaluate_from_memory(self._workspace.assigner, key, context)
        return None if found is None else answered(found[0], context, found[1], None)

    def one(self, key: str, context: FlagContext) -> FlagAnswer:
        """From the store."""
        log = self._workspace.exposure_log if context.record else None
        return evaluate_flag(self._workspace.assigner, key, context, log)

    def all(self, context: FlagContext) -> FlagAnswer:
        """From the store."""
        return evaluate_all(self._workspace.assigner, context)


class OwnersFlags:
    """The flags of the process that owns the data; each evaluation is a job of its."""

    def __init__(self, run_job: RunJob, *, records: bool) -> None:
        self._run_job = run_job
        self.records = records

    def at_once(self, key: str, context: FlagContext) -> FlagAnswer | None:
        """Never: the owner has to be asked."""
        return None

    def one(self, key: str, context: FlagContext) -> FlagAnswer:
        """One flag, as the owner evaluates it."""
        return self._asked(key, context)

    def all(self, context: FlagContext) -> FlagAnswer:
        """Every flag, as the owner evaluates them."""
        return self._asked(None, context)

    def _asked(self, key: str | None, context: FlagContext) -> FlagAnswer:
        given = {"key": key, "context": msgspec.to_builtins(context)}
        result = self._run_job("evaluate-flags", given, lambda *_: None)
        return FlagAnswer(status=result["status"], body=result["body"])


class Ofrep:
    """An ASGI application before the one that serves MCP: it answers under ``/ofrep/``."""

    def __init__(self, app: Any, flags: Flags) -> None:
        self._app = app
        self._flags = flags

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        try:
            await self._serve(scope, receive, send)
        except NeonBlueError as error:
            await _answer(send, unavailable(error))
        except Exception:
            # A client in front of users gets its protocol's error, whatever the fault; the log
            # has what it was.
            logger.exception("a flag could not be evaluated")
            await _answer(send, FlagAnswer(status=FAULT, body={"errorDetails": "internal error"}))

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        key, refused = _asked_for(scope)
        if refused is not None:
            await _answer(send, *refused)
            return
        body = await _body(receive)
        if body is None:
            too_long = f"more than {MAX_BODY_BYTES} bytes: send less context"
            await _answer(send, failure(TOO_LARGE, "INVALID_CONTEXT", too_long, key))
            return
        try:
            context = read_context(body)
        except FlagContextError as error:
            await _answer(send, failure(BAD_REQUEST, error.code, str(error), key))
            return
        may_record = self._flags.records and WRITE in scope["auth"].scopes
        if context.record and not may_record:
            await _answer(send, FlagAnswer(status=FORBIDDEN, body={"errorDetails": MAY_NOT_RECORD}))
        elif key is not None:
            await _answer(send, await self._one(key, context))
        else:
            found = await anyio.to_thread.run_sync(self._flags.all, context)
            await _answer_bulk(scope, send, found)

    async def _one(self, key: str, context: FlagContext) -> FlagAnswer:
        try:
            found = self._flags.at_once(key, context)
        except NeonBlueError as error:
            return failure(BAD_REQUEST, "INVALID_CONTEXT", str(error), key)
        if found is not None:
            return found
        return await anyio.to_thread.run_sync(self._flags.one, key, context)


def _asked_for(scope: Any) -> tuple[str | None, tuple[FlagAnswer, Headers] | None]:
    """The flag's key, None for all flags; and the answer where nothing may be evaluated."""
    if not getattr(scope.get("user"), "is_authenticated", False):
        details = {"errorDetails": "a bearer token is needed, and a known one"}
        return None, (FlagAnswer(status=UNAUTHORIZED, body=details), BEARER)
    path = _raw_path(scope)
    key = path.removeprefix(BULK_PATH + "/")
    if path != BULK_PATH and (key == path or "/" in key or not key):
        details = {"errorDetails": f"nothing is here: POST to {BULK_PATH} or {BULK_PATH}/KEY"}
        return None, (FlagAnswer(status=UNKNOWN, body=details), ())
    if scope["method"] != "POST":
        details = {"errorDetails": "flags are evaluated by POST"}
        return None, (FlagAnswer(status=WRONG_METHOD, body=details), ((b"allow", b"POST"),))
    return (None if path == BULK_PATH else unquote(key)), None


def _raw_path(scope: Any) -> str:
    """The path with its escapes: a key may have a slash in it."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.partition(b"?")[0].decode("ascii", "replace")


async def _answer(send: Any, answer: FlagAnswer, headers: Headers = ()) -> None:
    await _respond(send, answer.status, msgspec.json.encode(answer.body), headers)


async def _answer_bulk(scope: Any, send: Any, answer: FlagAnswer) -> None:
    if answer.status != OK:
        await _answer(send, answer)
        return
    body = msgspec.json.encode(answer.body)
    tag = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
    headers = ((b"etag", tag.encode()),)
    if tag in _tags(dict(scope["headers"]).get(b"if-none-match", b"")):
        await _respond(send, NOT_MODIFIED, b"", headers)
    else:
        await _respond(send, OK, body, headers)


def _tags(header: bytes) -> set[str]:
    """The entity tags of If-None-Match, compared weakly (RFC 9110, 13.1.2)."""
    return {tag.strip().removeprefix("W/") for tag in header.decode("latin-1").split(",")}


async def _respond(send: Any, status: int, body: bytes, headers: Headers) -> None:
    length = (b"content-length", str(len(body)).encode())
    sent = [*headers] if status == NOT_MODIFIED else [JSON, length, *headers]
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": body})


async def _body(receive: Any) -> bytes | None:
    """The whole body, or None when it is too large."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            return None
        if message["type"] != "http.request" or not message.get("more_body", False):
            return bytes(body)
