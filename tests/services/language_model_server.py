"""A server on the loopback interface that speaks OpenAI's and Anthropic's APIs, well or badly.

It answers whole or as a stream of events, as it is asked to. What it does next is a list of
``Behaviour``; the last one is repeated.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DAY_SECONDS = 86_400


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """One answer. ``text`` is the model's; ``status`` other than 200 is an error of the API.

    ``wait_seconds`` pass before the status line and ``trickle_seconds`` between pieces of the
    body; ``break_after`` pieces the connection ends; ``error_after`` pieces the stream says that
    the server is overloaded; ``raw`` is sent instead of any answer.
    """

    text: str = "{}"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    wait_seconds: float = 0.0
    trickle_seconds: float = 0.0
    break_after: int | None = None
    error_after: int | None = None
    stop: str = ""
    refusal: str = ""
    raw: str | None = None
    cached_tokens: int = 0
    counted: bool = True


class LanguageModelServer:
    """What it will do, and what it was sent; ``gone`` counts clients that left early."""

    def __init__(self) -> None:
        self.behaviours: list[Behaviour] = []
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.gone = 0
        self.leaving = threading.Event()
        self._guard = threading.Lock()
        self.url = ""

    def will(self, *behaviours: Behaviour | str) -> None:
        """Set what it does next; a string is the text of a good answer."""
        with self._guard:
            self.behaviours = [
                one if isinstance(one, Behaviour) else Behaviour(text=one) for one in behaviours
            ]

    def next_behaviour(self) -> Behaviour:
        with self._guard:
            return self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]

    def sent(self) -> str:
        """Everything it was ever sent, as one text."""
        return json.dumps(self.requests, ensure_ascii=False)


@contextmanager
def language_model_server() -> Iterator[LanguageModelServer]:
    """Run one until the end of the block; its threads end with it."""
    state = LanguageModelServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.requests.append({"path": self.path, **body})
            state.headers.append({key.lower(): value for key, value in self.headers.items()})
            try:
                _answer(self, state, body, state.next_behaviour())
            except (BrokenPipeError, ConnectionResetError):
                state.gone += 1
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.leaving.set()
        server.shutdown()
        thread.join(5)
        server.server_close()


def _answer(
    handler: BaseHTTPRequestHandler,
    state: LanguageModelServer,
    body: dict[str, Any],
    behaviour: Behaviour,
) -> None:
    anthropic = handler.path.endswith("/messages")
    if not _wait(handler, state, behaviour.wait_seconds):
        return
    if behaviour.status != 200:
        error = {"type": "error", "error": {"type": "api_error", "message": "not today"}}
        _whole(handler, json.dumps(error), behaviour)
    elif behaviour.raw is not None:
        _whole(handler, behaviour.raw, behaviour)
    elif body.get("stream"):
        _stream(handler, state, _events(behaviour, body, anthropic=anthropic), behaviour)
    else:
        shape = _anthropic_whole if anthropic else _openai_whole
        _whole(handler, json.dumps(shape(behaviour, body["model"])), behaviour)


def _wait(handler: BaseHTTPRequestHandler, state: LanguageModelServer, seconds: float) -> bool:
    """Wait, looking whether the client is still there."""
    until = time.monotonic() + seconds
    handler.connection.setblocking(False)
    try:
        while time.monotonic() < until and not state.leaving.is_set():
            try:
                if handler.connection.recv(1, 2) == b"":  # 2: MSG_PEEK
                    raise ConnectionResetError
            except BlockingIOError:
                pass
            time.sleep(0.01)
    finally:
        handler.connection.setblocking(True)
    return not state.leaving.is_set()


def _whole(handler: BaseHTTPRequestHandler, text: str, behaviour: Behaviour) -> None:
    sent = text.encode()
    handler.send_response(behaviour.status)
    for name, value in {"Content-Type": "application/json", **behaviour.headers}.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(sent)))
    handler.end_headers()
    handler.wfile.write(sent)


def _stream(
    handler: BaseHTTPRequestHandler,
    state: LanguageModelServer,
    events: list[tuple[str, Any]],
    behaviour: Behaviour,
) -> None:
    handler.send_response(200)
    for name, value in {"Content-Type": "text/event-stream", **behaviour.headers}.items():
        handler.send_header(name, value)
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.close_connection = True
    for number, (name, data) in enumerate(events):
        if behaviour.break_after == number:
            return
        if behaviour.error_after == number:
            error = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
            handler.wfile.write(f"event: error\ndata: {json.dumps(error)}\n\n".encode())
            return
        if behaviour.trickle_seconds and not _wait(handler, state, behaviour.trickle_seconds):
            return
        written = data if isinstance(data, str) else json.dumps(data)
        handler.wfile.write(f"event: {name}\ndata: {written}\n\n".encode())
        handler.wfile.flush()


def _events(
    behaviour: Behaviour, body: dict[str, Any], *, anthropic: bool
) -> list[tuple[str, Any]]:
    pieces = [behaviour.text[at : at + 40] for at in range(0, len(behaviour.text), 40)]
    shape = _anthropic_events if anthropic else _openai_events
    return shape(behaviour, pieces, body["model"])


def _anthropic_events(behaviour: Behaviour, pieces: list[str], model: str) -> list[tuple[str, Any]]:
    message = {**_anthropic_whole(behaviour, model), "content": [], "stop_reason": None}
    deltas = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": one}}
        for one in pieces
    ]
    stop = {"stop_reason": _stopped(behaviour, "end_turn", "refusal"), "stop_sequence": None}
    events: list[Any] = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        *deltas,
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": stop, "usage": {"output_tokens": 20}},
        {"type": "message_stop"},
    ]
    return [(one["type"], one) for one in events]


def _openai_events(behaviour: Behaviour, pieces: list[str], model: str) -> list[tuple[str, Any]]:
    def chunk(delta: dict[str, Any], stopped: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": stopped}
        return {
            "id": "c1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": f"{model}-2026-11-01",
            "choices": [choice],
            "usage": None,
        }

    last = {**chunk({}), "choices": [], "usage": _openai_usage(behaviour)}
    spoken = {"refusal": behaviour.refusal} if behaviour.refusal else {}
    events: list[Any] = [
        chunk({"role": "assistant", "content": "", **spoken}),
        *(chunk({"content": one}) for one in pieces),
        chunk({}, _stopped(behaviour, "stop", "stop")),
        *([last] if behaviour.counted else []),
        "[DONE]",
    ]
    return [("message", one) for one in events]


def _stopped(behaviour: Behaviour, well: str, refused: str) -> str:
    return behaviour.stop or (refused if behaviour.refusal else well)


def _anthropic_whole(behaviour: Behaviour, model: str) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": f"{model}-20261101",
        "content": [{"type": "text", "text": behaviour.text}],
        "stop_reason": _stopped(behaviour, "end_turn", "refusal"),
        "stop_sequence": None,
        "usage": {
            "input_tokens": 100,
            "output_tokens": 20,
            "cache_read_input_tokens": behaviour.cached_tokens,
            "cache_creation_input_tokens": 0,
        },
    }


def _openai_whole(behaviour: Behaviour, model: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": behaviour.text, "refusal": behaviour.refusal or None}
    stopped = _stopped(behaviour, "stop", "stop")
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": f"{model}-2026-11-01",
        "choices": [{"index": 0, "message": message, "finish_reason": stopped}],
        "usage": _openai_usage(behaviour),
    }


def _openai_usage(behaviour: Behaviour) -> dict[str, Any]:
    read = 100 + behaviour.cached_tokens
    return {
        "prompt_tokens": read,
        "completion_tokens": 20,
        "total_tokens": read + 20,
        "prompt_tokens_details": {"cached_tokens": behaviour.cached_tokens},
    }
