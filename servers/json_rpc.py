"""JSON-RPC as it arrives, line by line: a message or a batch, or what is answered instead.

Lines come from stdin or from a connection, bodies over HTTP. Nothing that carries an id stays
without an answer. Imports nothing heavy: a relay reads lines too.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from anyio.streams.buffered import BufferedByteReceiveStream

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
MAX_MESSAGE_BYTES = 4 << 20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
EDGE_BYTES = 4096
CHUNK_BYTES = 1 << 16
MAX_CONNECTION_LINE_BYTES = 1 << 28
MAX_METHOD_CHARACTERS = 200
OVERSIZE = "oversizeBytes"

_ID = rb'"id"\s*:\s*(?P<id>-?\d{1,18}|"[^"\\]{0,200}")'
_ID_FIRST = re.compile(rb'\s*\{(?:\s*"(?:jsonrpc|method)"\s*:\s*"[^"\\]*"\s*,)*\s*' + _ID)
_ID_LAST = re.compile(_ID + rb'\s*(?:,\s*"(?:jsonrpc|method)"\s*:\s*"[^"\\]*"\s*)*\}\s*$')


class Arrived(NamedTuple):
    """What one line or one body holds.

    ``messages`` are objects that may be JSON-RPC messages, ``refusals`` the error answers to what
    cannot be one; in a ``batch`` all answers belong into one array.
    """

    messages: tuple[dict[str, Any], ...] = ()
    refusals: tuple[dict[str, Any], ...] = ()
    batch: bool = False


class Wire(NamedTuple):
    """Private copies of the descriptors that the client is connected to."""

    incoming: int
    outgoing: int

    def lines(self) -> Iterator[bytes]:
        """What the client sends, until it leaves; what is too long, shortened to be refused."""
        begun = _Line()
        while chunk := os.read(self.incoming, CHUNK_BYTES):
            end, *others = chunk.split(b"\n")
            begun.add(end)
            for piece in others:
                yield from begun.whole()
                begun = _Line()
                begun.add(piece)
        yield from begun.whole()

    def write(self, line: bytes) -> None:
        """Write one line whole; ``OSError`` when the client has left."""
        left = memoryview(line)
        while left:
            left = left[os.write(self.outgoing, left) :]


class _Line:
    """A line in the making: its pieces are joined once, and not kept when there are too many."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._head = self._tail = b""

    def add(self, piece: bytes) -> None:
        """Add what came next."""
        self._size += len(piece)
        if self._size <= MAX_MESSAGE_BYTES:
            self._pieces.append(piece)
            return
        if self._pieces:
            kept = b"".join(self._pieces)
            self._pieces = []
            self._head, self._tail = kept[:EDGE_BYTES], kept[-EDGE_BYTES:]
        self._tail = (self._tail + piece)[-EDGE_BYTES:]

    def whole(self) -> Iterator[bytes]:
        """The line with its end, unless it is blank."""
        if self._size > MAX_MESSAGE_BYTES:
            yield oversize(self._head, self._tail, self._size)
            return
        line = b"".join(self._pieces)
        if line.strip():
            yield line + b"\n"


def take_stdio() -> Wire:
    """Take stdin and stdout for the protocol: whatever prints from now on goes to stderr."""
    incoming, outgoing = os.dup(0), os.dup(1)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return Wire(incoming=incoming, outgoing=outgoing)


async def stream_lines(stream: BufferedByteReceiveStream) -> AsyncIterator[bytes]:
    """What the other end of a connection sends, until it leaves."""
    import anyio

    while True:
        try:
            yield await stream.receive_until(b"\n", MAX_CONNECTION_LINE_BYTES)
        except (anyio.IncompleteRead, anyio.EndOfStream, anyio.BrokenResourceError):
            return


def without_mark(line: bytes) -> bytes:
    """The line without the byte order mark that some writers put before it."""
    return line.removeprefix(BYTE_ORDER_MARK)


def read(line: bytes) -> Arrived:
    """Parse a line or a body; JSON that could not be written back (a lone surrogate) is none."""
    from pydantic import ValidationError

    try:
        return arrived(_json().validate_json(without_mark(line)))
    except ValidationError as error:
        reason = str(error.errors(include_url=False)[0]["msg"])[:200]
        return Arrived(refusals=(refusal(PARSE_ERROR, reason),))


def arrived(value: Any) -> Arrived:
    """Sort what was parsed into messages and refusals."""
    if not isinstance(value, list):
        return _sorted((value,), batch=False)
    if not value:
        return Arrived(refusals=(refusal(INVALID_REQUEST, "the batch is empty"),))
    return _sorted(tuple(value), batch=True)


def refusal(code: int, message: str, request_id: Any = None) -> dict[str, Any]:
    """An error answer on the wire."""
    return {"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": message}}


def oversize(head: bytes, tail: bytes, size: int) -> bytes:
    """A short line in the place of one that is too long to be read, under the same id.

    The id is looked for where clients write it: before the parameters, or after them.
    """
    found = _ID_FIRST.match(without_mark(head)) or _ID_LAST.search(tail)
    request_id = found["id"] if found else b"null"
    return b'{"jsonrpc":"2.0","id":%b,"%b":%d}\n' % (request_id, OVERSIZE.encode(), size)


def objects(line: bytes) -> tuple[dict[str, Any], ...]:
    """The messages in a line, for whoever only passes it on; none when it cannot be parsed."""
    try:
        value = json.loads(without_mark(line))
    except (ValueError, RecursionError):  # whoever answers the line says what is wrong with it
        return ()
    return tuple(one for one in (value if isinstance(value, list) else [value]) if _is_object(one))


@lru_cache(maxsize=1)
def _json() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Any)


def _sorted(values: tuple[Any, ...], *, batch: bool) -> Arrived:
    messages, refusals = [], []
    for value in values:
        if fault := _fault(value):
            refusals.append(refusal(INVALID_REQUEST, fault, _shown_id(value)))
        else:
            messages.append(_as_meant(value))
    return Arrived(messages=tuple(messages), refusals=tuple(refusals), batch=batch)


def _as_meant(message: dict[str, Any]) -> dict[str, Any]:
    """The message with arguments that came as JSON text read, and those that are null left out."""
    params = message.get("params")
    if not params or "arguments" not in params:
        return message
    arguments = params["arguments"]
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}")
        except (ValueError, RecursionError):  # refused as what it is
            return message
    if message.get("method") == "prompts/get" and _is_object(arguments):
        arguments = {name: value for name, value in arguments.items() if value is not None}
    return {**message, "params": {**params, "arguments": arguments}}


def _fault(value: Any) -> str:
    """Why this is no JSON-RPC message; empty if it may be one."""
    if not _is_object(value):
        return "a message is a JSON object with jsonrpc, id, method and params"
    if OVERSIZE in value:
        return (
            f"the message has {value[OVERSIZE]} bytes, more than the {MAX_MESSAGE_BYTES} that are "
            "read: send less at once"
        )
    if value.get("jsonrpc") != "2.0":
        return 'jsonrpc has to be "2.0"'
    if "method" not in value:
        return "" if "result" in value or "error" in value else "method is missing"
    if "id" in value and not _usable_id(value["id"]):
        return "id has to be a text or a whole number"
    return _method_fault(value)


def _method_fault(value: dict[str, Any]) -> str:
    if not isinstance(value["method"], str):
        return "method has to be a text"
    if len(value["method"]) > MAX_METHOD_CHARACTERS:
        return f"method is longer than {MAX_METHOD_CHARACTERS} characters"
    params = value.get("params")
    return "" if params is None or _is_object(params) else "params has to be an object"


def _shown_id(value: Any) -> Any:
    request_id = value.get("id") if _is_object(value) else None
    usable = isinstance(request_id, int | float | str) and len(str(request_id)) <= 200
    return request_id if usable else None


def _usable_id(value: Any) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)
