"""Bodies over HTTP: what carries an id is answered, here and through the owner."""

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from neonblue.servers.json_rpc import MAX_MESSAGE_BYTES

from .test_every_line_is_answered import REFUSED, _request

if TYPE_CHECKING:
    from tests.services.http_process import StartHttp
    from tests.services.server_process import Start

MARK = b"\xef\xbb\xbf"
GREETING = {
    "protocolVersion": "2025-03-26",
    "capabilities": {},
    "clientInfo": {"name": "t", "version": "1"},
}


class HttpClient:
    """Raw bodies to one address, in one session."""

    def __init__(self, address: str, token: str = "t") -> None:
        self._address = address
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2025-03-26",
        }

    def post(self, body: bytes) -> tuple[int, Any]:
        request = urllib.request.Request(self._address, data=body, headers=self._headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                if session := answer.headers.get("mcp-session-id"):
                    self._headers["Mcp-Session-Id"] = session
                return answer.status, _value(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, _value(error.read())


def _value(body: bytes) -> Any:
    data = [line[5:] for line in body.splitlines() if line.startswith(b"data:")]
    return json.loads((data or [body])[-1] or b"null")


@pytest.fixture(params=["here", "through the owner"])
def http(
    request: pytest.FixtureRequest, start_server: "Start", start_http: "StartHttp"
) -> HttpClient:
    if request.param == "through the owner":
        start_server().initialize()
    client = HttpClient(start_http(NEONBLUE_HTTP_TOKEN="t"))
    greeting = json.dumps(_request(1, method="initialize", params=GREETING)).encode()
    assert client.post(MARK + greeting)[1]["result"]["protocolVersion"] == "2025-03-26"
    client.post(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
    return client


def test_bodies_are_refused_or_answered_as_lines_are(http: HttpClient) -> None:
    for body, request_id, code in REFUSED:
        status, answer = http.post(body)
        too_long = len(body) > MAX_MESSAGE_BYTES
        assert status == (413 if too_long else 400), body[:80]
        assert answer["error"]["code"] == code, body[:80]
        assert answer["id"] == (None if too_long else request_id)
    call = {"name": "list_experiments", "arguments": {"limit": "", "sessionId": "1"}}
    batch = [_request(1, method="ping"), _request(2, method="tools/call", params=call), 3]
    status, answers = http.post(json.dumps(batch).encode())
    by_id = {answer["id"]: answer for answer in answers}
    assert status == 200
    assert by_id.keys() == {1, 2, None}
    assert by_id[2]["result"]["structuredContent"]["total"] == 0
    assert "'sessionId'" in by_id[2]["result"]["structuredContent"]["arguments_note"]
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert http.post(json.dumps([note]).encode()) == (202, None)


def test_the_body_of_a_stranger_is_not_read(start_http: "StartHttp") -> None:
    stranger = HttpClient(start_http(NEONBLUE_HTTP_TOKEN="t"), token="wrong")
    assert stranger.post(b"this is no json")[0] == 401
