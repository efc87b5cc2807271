"""Serving over HTTP: tokens, scopes, Host and Origin, and passing calls on to the owner."""

import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport

from neonblue.errors import UnavailableError
from neonblue.servers.header_limit import HEADER_SECONDS
from neonblue.servers.http_token import TOKEN_FILE, kept_token
from neonblue.servers.over_http import is_loopback

if TYPE_CHECKING:
    from tests.services.http_process import StartHttp
    from tests.services.server_process import Start

ERAS = ["legacy", "2026-07-28"]


def _status(address: str, **headers: str) -> int:
    request = urllib.request.Request(address, data=b"{}", headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize("era", ERAS)
async def test_without_a_configured_token_the_one_beside_the_data_lets_in(
    start_http: "StartHttp", data_dir: Path, era: Any
) -> None:
    address = start_http()
    token = (data_dir / TOKEN_FILE).read_text()
    async with Client(StreamableHttpTransport(address, auth=token), mode=era) as client:
        assert await client.list_tools()
    assert _status(address) == 401
    assert stat.S_IMODE((data_dir / TOKEN_FILE).stat().st_mode) == 0o600


def test_a_foreign_host_or_origin_is_refused(start_http: "StartHttp") -> None:
    address = start_http(NEONBLUE_HTTP_TOKEN="right")
    known = "Bearer right"
    assert _status(address, Host="evil.example", Authorization=known) == 421
    assert _status(address, Origin="http://evil.example", Authorization=known) == 403


@pytest.mark.parametrize("shown", ["", "Bearer", "Bearer ", "Bearer wrong", "Basic right"])
def test_a_configured_token_is_needed(start_http: "StartHttp", shown: str) -> None:
    address = start_http(NEONBLUE_HTTP_TOKEN="right", NEONBLUE_HTTP_READ_TOKEN=" ")
    assert _status(address) == 401
    assert _status(address, Authorization=shown) == 401


def test_a_kept_token_stays_the_same(tmp_path: Path) -> None:
    first = kept_token(tmp_path / "data")
    assert kept_token(tmp_path / "data") == first
    assert len(first[0]) > 40


def test_an_empty_token_file_lets_nobody_in(tmp_path: Path) -> None:
    (tmp_path / TOKEN_FILE).touch(mode=0o600)
    with pytest.raises(UnavailableError, match="remove it"):
        kept_token(tmp_path)


@pytest.mark.parametrize(("token", "may_write"), [("reader", False), ("writer", True)])
@pytest.mark.parametrize("through_owner", [False, True])
async def test_tools_outside_the_scope_of_the_token_are_neither_listed_nor_called(
    start_server: "Start", start_http: "StartHttp", token: str, may_write: bool, through_owner: bool
) -> None:
    if through_owner:
        start_server().initialize()
    address = start_http(NEONBLUE_HTTP_TOKEN="writer", NEONBLUE_HTTP_READ_TOKEN="reader")
    async with Client(StreamableHttpTransport(address, auth=token)) as client:
        tools = await client.list_tools()
        called = await client.call_tool(
            "discover_segments", {"experiment_id": "nope"}, raise_on_error=False
        )
    assert ("discover_segments" in {tool.name for tool in tools}) is may_write
    assert called.is_error
    assert ("there is no experiment" in str(called.content)) is may_write


@pytest.mark.parametrize("era", ERAS)
async def test_it_passes_calls_on_to_the_owner(
    start_server: "Start", start_http: "StartHttp", era: Any
) -> None:
    start_server().initialize()
    address = start_http(NEONBLUE_HTTP_TOKEN="t")
    async with Client(StreamableHttpTransport(address, auth="t"), mode=era) as client:
        answer = await client.call_tool("list_experiments", {})
    assert answer.structured_content["total"] == 0


def test_other_machines_are_let_in_only_with_a_token(data_dir: Path) -> None:
    words = [sys.executable, "-m", "neonblue", "serve", "--http", "0.0.0.0:1"]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "NEONBLUE_HTTP_TOKEN" in ended.stderr


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("db", False)],
)
def test_what_counts_as_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_a_token_that_others_could_read_is_replaced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    token, path = kept_token(tmp_path)
    assert kept_token(tmp_path) == (token, path)
    assert not caplog.records
    path.chmod(0o644)
    other, _ = kept_token(tmp_path)
    assert other != token
    assert path.read_text() == other
    assert path.stat().st_mode & 0o777 == 0o600
    assert "could be read by others (mode 644)" in caplog.text


def test_a_token_is_not_taken_from_where_a_link_leads(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("known")
    (tmp_path / TOKEN_FILE).symlink_to(elsewhere)
    with pytest.raises(UnavailableError, match=r"symbolic link.*remove it"):
        kept_token(tmp_path)
    assert elsewhere.read_text() == "known"


def _seconds_until_hung_up(port: int, *pieces: bytes) -> float:
    """How long the server keeps a connection that sends these and then a byte a second."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        for piece in pieces:
            connection.sendall(piece)
        while time.monotonic() - began < HEADER_SECONDS + 30:
            try:
                if connection.recv(4096) == b"":
                    break
            except TimeoutError:
                connection.sendall(b"x")
            except OSError:
                break
    return time.monotonic() - began


@pytest.mark.parametrize(
    "pieces",
    [
        (b"",),
        (b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",),
        (b"GET /no HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"GET /no HTTP/1.1\r\nX-Slow: "),
    ],
)
def test_headers_have_to_come_in_time(start_http: "StartHttp", pieces: tuple[bytes, ...]) -> None:
    """Of the first request of a connection, and of the next one."""
    port = int(start_http(NEONBLUE_HTTP_TOKEN="t").rpartition(":")[2].partition("/")[0])
    assert _seconds_until_hung_up(port, *pieces) < HEADER_SECONDS + 15
