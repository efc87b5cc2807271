"""Carries one stdio client's messages to the owner of the data directory, and survives the owner.

Imports nothing heavy: a second client starts in a moment. When the owner dies, calls in flight are
answered with an error (they may or may not have taken effect, so nobody repeats them), the
handshake and what only lists are sent to the next owner, and later messages go there.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, NamedTuple

from neonblue.errors import NeonBlueError, UnavailableError
from neonblue.owner.connection import Connection
from neonblue.servers.json_rpc import objects

OWNER_DIED = -32000
DRAIN_SECONDS = 10.0
MAX_USELESS_OWNERS = 20
PAUSE_SECONDS = 0.005
SHOWN_CHARACTERS = 80
LISTING = frozenset(
    {
        "ping",
        "server/discover",
        "tools/list",
        "prompts/list",
        "resources/list",
        "resources/templates/list",
    }
)

Write = Callable[[bytes], None]

logger = logging.getLogger(__name__)


class Pending(NamedTuple):
    """A request that the owner has not answered yet."""

    line: bytes
    method: str
    described: str


class Relay:
    """One client; ``run`` returns when it has left and its calls are answered."""

    def __init__(self, connect: Callable[[], Connection], write: Write) -> None:
        self._connect = connect
        self._write = write
        self._change = threading.Condition()
        self._connection: Connection | None = connect()
        self._in_flight: dict[str, Pending] = {}
        self._handshake: list[bytes] = []
        self._leaving = False

    def run(self, incoming: Iterable[bytes]) -> None:
        """Forward the client's lines until they end."""
        reader = threading.Thread(target=self._read_from_owners, name="relay", daemon=True)
        reader.start()
        for line in incoming:
            self._forward(line)
        with self._change:
            self._change.wait_for(lambda: not self._in_flight, DRAIN_SECONDS)
            self._leaving = True
            if self._connection is not None:
                self._connection.close()

    def _forward(self, line: bytes) -> None:
        messages = objects(line)
        with self._change:
            connection = self._live_connection()
            for message in messages:
                self._note(_line_of(message) if len(messages) > 1 else line, message)
        with suppress(OSError):  # the owner died; the reading thread sees it too and takes care
            connection.send(line)

    def _live_connection(self) -> Connection:
        """Wait until there is an owner: what is not yet sent need not be lost."""
        while self._connection is None or self._connection.ended:
            self._change.wait()
        return self._connection

    def _note(self, line: bytes, message: dict[str, Any]) -> None:
        method = message.get("method")
        if method in ("initialize", "notifications/initialized"):
            self._handshake.append(line)
        if method == "notifications/cancelled":
            self._in_flight.pop(_key(_params(message).get("requestId")), None)
        elif _waits_for_answer(message):
            self._in_flight[_key(message["id"])] = Pending(line, str(method), _described(message))

    def _read_from_owners(self) -> None:
        useless = 0
        while self._connection is not None:
            useless += 1
            for line in self._connection.lines():
                useless = 0
                self._answer(line)
            if self._leaving:
                return
            try:
                self._move_on(useless)
            except (NeonBlueError, OSError) as error:
                logger.critical("the data cannot be reached any more: %s", error)
                os._exit(1)  # the client sees its server end instead of waiting for ever

    def _answer(self, line: bytes) -> None:
        self._write(line)
        answers = [message for message in objects(line) if "method" not in message]
        with self._change:
            for answer in answers:
                self._in_flight.pop(_key(answer.get("id")), None)
            self._change.notify_all()

    def _move_on(self, useless: int) -> None:
        """Fail what was in flight, find or become the next owner, repeat the handshake there."""
        if useless > MAX_USELESS_OWNERS:
            raise UnavailableError("every owner of the data hangs up at once: see its log")
        time.sleep(useless * PAUSE_SECONDS)
        with self._change:
            self._connection = None
            lost, self._in_flight = self._in_flight, {}
            handshake = tuple(self._handshake)
        harmless = {key: request for key, request in lost.items() if request.method in LISTING}
        unanswered = {key for key, request in lost.items() if request.method == "initialize"}
        for key in lost.keys() - harmless.keys() - unanswered:
            self._write(_failure(key, lost[key].described))
        connection = self._shake_hands(handshake, unanswered)
        with self._change:
            self._in_flight.update(harmless)
            self._connection = connection
            self._change.notify_all()
        for request in harmless.values():
            with suppress(OSError):  # it died again: the next round sends them again
                connection.send(request.line)

    def _shake_hands(self, handshake: tuple[bytes, ...], unanswered: set[str]) -> Connection:
        while True:
            connection = self._connect()
            try:
                for line in handshake:
                    self._replay(connection, line, unanswered)
            except OSError:  # this owner died as well: on to the next
                continue
            return connection

    def _replay(self, connection: Connection, line: bytes, unanswered: set[str]) -> None:
        """Send one line of the handshake; its answer goes to a client that still waits for it."""
        connection.send(line)
        keys = [_key(message["id"]) for message in objects(line) if "id" in message]
        if not keys:
            return
        key = keys[0]
        for answer in connection.lines():
            if key in unanswered:
                self._write(answer)
            if key in [_key(message.get("id")) for message in objects(answer)]:
                unanswered.discard(key)
                return
        raise ConnectionResetError("the owner died during the handshake")


def _line_of(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def _waits_for_answer(message: dict[str, Any]) -> bool:
    """Also when it cannot be served: the owner refuses it under its id."""
    answers = "result" in message or "error" in message
    return isinstance(message.get("id"), int | float | str) and not answers


def _params(message: dict[str, Any]) -> dict[str, Any]:
    params = message.get("params")
    return params if isinstance(params, dict) else {}


def _key(request_id: Any) -> str:
    return json.dumps(request_id)


def _described(message: dict[str, Any]) -> str:
    method = str(message.get("method"))[:SHOWN_CHARACTERS]
    name = str(_params(message).get("name") or "")[:SHOWN_CHARACTERS]
    return f"{method} {name}" if name else method


def _failure(key: str, described: str) -> bytes:
    text = (
        f"the process that held the data ended during this call ({described}): it may or may not "
        "have taken effect. Another process has taken over; read the state first, then call again "
        "if it is needed"
    )
    error = {"code": OWNER_DIED, "message": text}
    answer = {"jsonrpc": "2.0", "id": json.loads(key), "error": error}
    return json.dumps(answer).encode() + b"\n"
