"""An owner that is hit by a fatal signal is gone at once, and the next client takes over."""

import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.services.server_process import Start

CALL = {"name": "list_experiments", "arguments": {}}


def test_a_client_outlives_an_owner_whose_engine_had_a_fatal_error(
    start_server: "Start",
    owner_pid: Callable[[], int | None],
    eventually: Callable[..., None],
) -> None:
    owner = start_server()
    owner.initialize()
    assert "error" not in owner.request("tools/call", **CALL)
    client = start_server()
    client.initialize()
    eventually(lambda: owner_pid() == owner.pid)
    assert owner.process.poll() is None
    owner.process.send_signal(signal.SIGSEGV)
    assert owner.process.wait(20) == -signal.SIGSEGV
    answer = client.request("tools/call", **CALL)
    assert not answer["result"].get("isError"), answer
    assert owner_pid() == client.pid
