"""Whatever a client sends with an id gets an answer, by every way to the servers."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from neonblue.servers.json_rpc import EDGE_BYTES, MAX_MESSAGE_BYTES, OVERSIZE, arrived, oversize

if TYPE_CHECKING:
    from tests.services.server_process import ServerProcess, Start

PARSE_ERROR, INVALID_REQUEST, INVALID_PARAMS = -32700, -32600, -32602
LONG = "x" * (MAX_MESSAGE_BYTES + 1)
CALL = {"name": "list_experiments", "arguments": {}}


def _request(request_id: Any, **fields: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request_id, **fields}


REFUSED: list[tuple[bytes, Any, int]] = [
    (b"this is no json", None, PARSE_ERROR),
    (b"\xff\xfe{", None, PARSE_ERROR),
    (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\\ud800"}}', None, PARSE_ERROR),
    (b"[" * 5000, None, PARSE_ERROR),
    (b"[]", None, INVALID_REQUEST),
    (b"5", None, INVALID_REQUEST),
    *(
        (json.dumps(message).encode(), answered_id, INVALID_REQUEST)
        for message, answered_id in [
            (_request(7, method=5), 7),
            (_request("a", method=None), "a"),
            (_request(8, method="tools/list", params=[]), 8),
            (_request(8, method="tools/list", params="x"), 8),
            (_request(9), 9),
            (_request(1.5, method="ping"), 1.5),
            (_request(None, method="ping"), None),
            (_request(True, method="ping"), True),
            (_request([1], method="ping"), None),
            ({"id": 10, "method": "ping"}, 10),
            ({"jsonrpc": "1.0", "id": 11, "method": "ping"}, 11),
            (_request(12, method="m" * 1000), 12),
            (_request(13, method="ping", params={"long": LONG}), 13),
            ({"method": "ping", "params": {"long": LONG}, "jsonrpc": "2.0", "id": "end"}, "end"),
        ]
    ),
]
NAMES = [line[:60] for line, _, _ in REFUSED]


@pytest.fixture(params=["owner", "relay"])
def server(request: pytest.FixtureRequest, start_server: "Start") -> "ServerProcess":
    """A server whose process owns the data, and one that passes everything on."""
    if request.param == "relay":
        start_server().initialize()
    return start_server()


def _exchange(server: "ServerProcess", eventually: Callable[..., None], line: bytes) -> Any:
    """Send one raw line and return the next line that comes back."""
    before = len(server.lines)
    assert server.process.stdin is not None
    server.process.stdin.write(line + b"\n")
    server.process.stdin.flush()
    eventually(lambda: len(server.lines) > before, 60)
    return json.loads(server.lines[before])


def test_what_cannot_be_served_is_refused_under_its_id(
    server: "ServerProcess", eventually: Callable[..., None]
) -> None:
    server.initialize()
    for line, request_id, code in REFUSED:
        answer = _exchange(server, eventually, line)
        assert (answer["id"], answer["error"]["code"]) == (request_id, code), line[:80]
        assert len(json.dumps(answer)) < 600
    assert server.request("ping")["result"] == {}


def test_also_before_the_handshake_and_with_a_mark_before_it(
    server: "ServerProcess", eventually: Callable[..., None]
) -> None:
    assert _exchange(server, eventually, b"nonsense")["error"]["code"] == PARSE_ERROR
    greeting = _request(
        "first",
        method="initialize",
        params={
            "protocolVersion": "2025-03-26",
            "capabilities": {},
            "clientInfo": {"name": "t", "version": "1"},
        },
    )
    answer = _exchange(server, eventually, b"\xef\xbb\xbf" + json.dumps(greeting).encode())
    assert answer["result"]["protocolVersion"] == "2025-03-26"


def test_a_batch_is_answered_as_one(
    server: "ServerProcess", eventually: Callable[..., None]
) -> None:
    server.initialize()
    batch = [
        _request(501, method="ping"),
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        _request("call", method="tools/call", params=CALL),
        _request(502, method=7),
        _request(503, method="no/such"),
        "nonsense",
    ]
    answers = _exchange(server, eventually, json.dumps(batch).encode())
    assert isinstance(answers, list)
    by_id = {answer["id"]: answer for answer in answers}
    assert by_id.keys() == {501, "call", 502, 503, None}
    assert by_id[501]["result"] == {}
    assert by_id["call"]["result"]["structuredContent"]["total"] == 0
    assert by_id[502]["error"]["code"] == INVALID_REQUEST
    assert by_id[503]["error"]["code"] == -32601


def test_a_batch_of_notifications_has_no_answer(server: "ServerProcess") -> None:
    server.initialize()
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert server.process.stdin is not None
    server.process.stdin.write(json.dumps([note, note]).encode() + b"\n")
    assert server.request("ping")["result"] == {}
    assert len(server.lines) == 2


def test_arguments_may_be_one_json_text(start_server: "Start") -> None:
    server = start_server()
    server.initialize()
    answer = server.request("tools/call", name="list_experiments", arguments='{"limit": "1"}')
    assert answer["result"]["structuredContent"]["total"] == 0
    refused = server.request("tools/call", name="list_experiments", arguments="{")
    assert refused["error"]["code"] == INVALID_PARAMS


@pytest.mark.parametrize(
    ("head", "tail", "request_id"),
    [
        (b'{"jsonrpc":"2.0","id":7,"method":"x","params":{', b"}}", 7),
        (b'{ "method" : "x" , "id" : "a" , "params":{', b"}}", "a"),
        (b'{"method":"x","params":{"id":1,', b'"y":2},"jsonrpc":"2.0","id":8}', 8),
        (b'{"method":"x","params":{"id":1,', b'"y":2},"id":9,"jsonrpc":"2.0"}', 9),
        (b'{"method":"x","params":{"id":1,', b'"y":{"id":3}}}', None),
    ],
)
def test_the_id_of_a_line_too_long_is_found_where_clients_write_it(
    head: bytes, tail: bytes, request_id: Any
) -> None:
    what = json.loads(oversize(head[:EDGE_BYTES], tail, 10**9))
    assert what["id"] == request_id
    assert what[OVERSIZE] == 10**9
    (refused,) = arrived(what).refusals
    assert refused["id"] == request_id
    assert "send less" in refused["error"]["message"]
