"""A tool call that a second process passes on goes through few files, so one can read them all."""

import json
import os
import threading
from functools import partial
from pathlib import Path
from typing import Any

from tests.services.files_crossed import threads_watched
from tests.services.server_process import INITIALIZE

from neonblue.owner.data_directory import DataDirectory
from neonblue.owner.handshake import Request
from neonblue.owner.relay import Relay
from neonblue.servers.json_rpc import Wire


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


def test_a_relayed_call_goes_through_six_files_before_its_tool(
    data_dir: Path,
) -> None:
    directory = DataDirectory(data_dir)
    assert directory.own()
    with threads_watched("servers", "src/neonblue/owner") as crossed:
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
