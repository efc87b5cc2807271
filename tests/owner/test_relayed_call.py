"""A tool call that a second process passes on goes through few files, so one can read them all."""

import json
import os
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from tests.services.server_process import INITIALIZE

import neonblue
from neonblue.owner.data_directory import DataDirectory
from neonblue.owner.handshake import Request
from neonblue.owner.relay import Relay
from neonblue.servers.json_rpc import Wire

ROOT = Path(neonblue.__file__).parents[2]
ROOMS = ("servers", "src/neonblue/owner")


class Client:
    """A client whose relay and whose owner are threads of this process."""

    def __init__(self, directory: DataDirectory) -> None:
        incoming, self._sends = os.pipe()
        receives, outgoing = os.pipe()
        self._answers = os.fdopen(receives, "rb")
        wire = Wire(incoming, outgoing)
        connect = partial(directory.connect, Request(kind="session", name="neonblue"))
        relay = Relay(connect, wire.write)
        self._thread = threading.Thread(target=lambda: relay.run(wire.lines()))
        self._thread.start()

    def ask(self, request_id: int, method: str, **params: Any) -> dict[str, Any]:
        message = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
        os.write(self._sends, json.dumps(message).encode() + b"\n")
        while True:
            answer: dict[str, Any] = json.loads(self._answers.readline())
            if answer.get("id") == request_id:
                return answer

    def leave(self) -> None:
        os.close(self._sends)
        self._thread.join(20)
        self._answers.close()


class Crossed:
    """Files of the project in which a function was entered, by any thread begun since."""

    def __init__(self) -> None:
        self.watching = False
        self.files: set[str] = set()

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        entered = event == "call" and frame.f_lineno == code.co_firstlineno
        if self.watching and entered and code.co_filename.startswith(str(ROOT)):
            path = Path(os.path.realpath(code.co_filename)).relative_to(ROOT).as_posix()
            if path.startswith(ROOMS):
                self.files.add(path)


@pytest.fixture
def crossed() -> Iterator[Crossed]:
    watcher = Crossed()
    threading.setprofile(watcher)
    yield watcher
    threading.setprofile(None)


def test_a_relayed_call_goes_through_six_files_before_its_tool(
    data_dir: Path, crossed: Crossed
) -> None:
    directory = DataDirectory(data_dir)
    assert directory.own()
    client = Client(directory)
    try:
        client.ask(1, "initialize", **INITIALIZE)
        client.ask(2, "tools/call", name="list_experiments", arguments={})
        crossed.watching = True
        answer = client.ask(3, "tools/call", name="list_experiments", arguments={})
        crossed.watching = False
    finally:
        client.leave()
        directory.close()
    assert answer["result"]["structuredContent"]["total"] == 0
    assert crossed.files == {
        "servers/answers.py",
        "servers/call_arguments.py",
        "servers/json_rpc.py",
        "servers/session.py",
        "src/neonblue/owner/connection.py",
        "src/neonblue/owner/relay.py",
    }
