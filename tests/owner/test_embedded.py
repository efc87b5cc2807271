"""One data directory, many processes: one owns it, the others work through it and follow it."""

import os
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from neonblue.owner.lock import ADDRESS_FILE

if TYPE_CHECKING:
    from tests.services.server_process import ServerProcess, Start

ROUNDS = int(os.environ.get("NEONBLUE_TEST_ROUNDS", "3"))
UNKNOWN = "experiment://nope"


def _owned_by(servers: "list[ServerProcess]", owner_pid: Callable[[], int | None]) -> int:
    owners = [index for index, server in enumerate(servers) if server.pid == owner_pid()]
    assert len(owners) == 1
    return owners[0]


@pytest.mark.parametrize("round_number", range(ROUNDS))
def test_four_simultaneous_starts_give_one_owner_and_four_answers(
    round_number: int, start_server: "Start", owner_pid: Callable[[], int | None]
) -> None:
    servers = [start_server() for _ in range(4)]
    tools = []
    for server in servers:
        server.initialize()
    for server in servers:
        tools.append(server.request("tools/list")["result"])
    owner = _owned_by(servers, owner_pid)
    assert all(answer == tools[owner] for answer in tools)
    assert all(server.process.poll() is None for server in servers)


def test_a_later_client_sees_the_store_through_the_owner(start_server: "Start") -> None:
    first, second = start_server(), start_server()
    for server in (first, second):
        server.initialize()
        answer = server.request("resources/read", uri=UNKNOWN)
        assert "there is no experiment 'nope'" in answer["error"]["message"]


def test_the_token_can_be_read_by_this_user_alone(start_server: "Start", data_dir: Path) -> None:
    start_server().initialize()
    assert stat.S_IMODE((data_dir / ADDRESS_FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_when_the_owner_dies_another_process_takes_over(
    number: signal.Signals, start_server: "Start", owner_pid: Callable[[], int | None]
) -> None:
    servers = [start_server()]
    servers[0].initialize()
    servers += [start_server(), start_server()]
    for server in servers[1:]:
        server.initialize()
        server.request("resources/read", uri=UNKNOWN)
    servers.pop(_owned_by(servers, owner_pid)).stop(number)
    for server in servers:
        answer = server.request("resources/read", uri=UNKNOWN)
        assert "there is no experiment" in answer["error"]["message"]
    _owned_by(servers, owner_pid)


def test_a_stateless_client_keeps_its_era_when_the_owner_dies(start_server: "Start") -> None:
    from tests.services.server_process import ENVELOPE

    first = start_server()
    first.initialize()
    second = start_server()
    second.request("tools/list", _meta=ENVELOPE)
    first.stop()
    assert "result" in second.request("prompts/list", _meta=ENVELOPE)


def test_the_owner_leaves_when_its_client_does_and_hands_over(
    start_server: "Start",
    owner_pid: Callable[[], int | None],
    eventually: Callable[..., None],
) -> None:
    first = start_server()
    first.initialize()
    second = start_server()
    second.initialize()
    assert first.process.stdin is not None
    first.process.stdin.close()
    assert first.process.wait(20) == 0
    eventually(lambda: owner_pid() == second.pid)


def test_sigterm_ends_the_owner_in_time_and_with_success(start_server: "Start") -> None:
    server = start_server()
    server.initialize()
    server.request("resources/read", uri=UNKNOWN)
    started = time.monotonic()
    server.process.terminate()
    assert server.process.wait(20) == 0
    assert time.monotonic() - started < 8


def test_every_line_of_stdout_is_json_rpc(start_server: "Start") -> None:
    import json

    server = start_server(NEONBLUE_LOG_LEVEL="DEBUG")
    server.initialize()
    server.request("resources/read", uri=UNKNOWN)
    server.request("tools/call", name="nope", arguments={})
    logged = server.stop(signal.SIGTERM)
    messages: list[dict[str, Any]] = [json.loads(line) for line in server.lines]
    assert all(message["jsonrpc"] == "2.0" for message in messages)
    assert logged


def test_a_call_in_flight_when_the_owner_dies_fails_clearly_and_is_not_repeated(
    start_server: "Start",
) -> None:
    first = start_server()
    first.initialize()
    second = start_server()
    second.initialize()
    first.process.send_signal(signal.SIGSTOP)
    call = second.send("resources/read", uri=UNKNOWN)
    time.sleep(0.2)
    first.stop()
    answer = second.answer(call)
    assert "may or may not have taken effect" in answer["error"]["message"]
    assert (
        "there is no experiment"
        in second.request("resources/read", uri=UNKNOWN)["error"]["message"]
    )


def test_what_was_sent_before_the_client_left_is_still_answered(data_dir: Path) -> None:
    import json
    import subprocess
    import sys

    from tests.services.server_process import INITIALIZE

    messages = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
    ]
    ended = subprocess.run(
        [sys.executable, "-m", "neonblue", "serve"],
        input="".join(json.dumps(message) + "\n" for message in messages),
        capture_output=True,
        text=True,
        check=True,
    )
    assert [json.loads(line)["id"] for line in ended.stdout.splitlines()] == [1, 2]


def test_a_read_only_client_sees_no_writing_tool_through_an_owner_that_may_write(
    start_server: "Start",
) -> None:
    owner = start_server()
    owner.initialize()
    reader = start_server(NEONBLUE_READ_ONLY="1")
    reader.initialize()
    tools = reader.request("tools/list")["result"]["tools"]
    assert tools
    assert all(tool["annotations"]["readOnlyHint"] for tool in tools)
    assert len(owner.request("tools/list")["result"]["tools"]) >= len(tools)
