"""The lock and the address of a data directory, and who is let in."""

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from neonblue.owner.connection import Connection
from neonblue.owner.endpoint import Endpoint
from neonblue.owner.handshake import Request, token_line
from neonblue.owner.lock import ADDRESS_FILE, Address, claim, find_address

HOLD_THE_LOCK = """
import sys, pathlib, time
from neonblue.owner.lock import claim
owner = claim(pathlib.Path(sys.argv[1]))
print(owner is not None, flush=True)
time.sleep(60)
"""


@pytest.fixture
def listening(data_dir: Path) -> Iterator[Address]:
    endpoint = Endpoint()
    yield endpoint.start()
    endpoint.stop()


def test_a_directory_has_one_owner(tmp_path: Path) -> None:
    owner = claim(tmp_path / "data")
    assert owner is not None
    assert claim(tmp_path / "data") is None
    owner.release()
    assert claim(tmp_path / "data") is not None


def test_a_killed_owner_frees_the_directory(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_THE_LOCK, str(tmp_path)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"True\n"
        assert claim(tmp_path) is None
        process.kill()
    assert claim(tmp_path) is not None


def test_the_address_is_private_and_goes_with_the_owner(tmp_path: Path) -> None:
    owner = claim(tmp_path)
    assert owner is not None
    address = Address(port=1, token="t", pid=os.getpid())
    owner.publish(address)
    assert find_address(tmp_path) == address
    assert stat.S_IMODE((tmp_path / ADDRESS_FILE).stat().st_mode) == 0o600
    owner.release()
    assert find_address(tmp_path) is None


def test_what_lies_where_the_address_is_drafted_cannot_make_it_public(tmp_path: Path) -> None:
    owner = claim(tmp_path)
    assert owner is not None
    (tmp_path / "elsewhere").touch(0o666)
    (tmp_path / f"owner.{os.getpid()}").symlink_to(tmp_path / "elsewhere")
    before = os.umask(0)
    try:
        owner.publish(Address(port=1, token="t", pid=os.getpid()))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / ADDRESS_FILE).lstat().st_mode) == 0o600
    assert (tmp_path / "elsewhere").read_text() == ""


@pytest.mark.parametrize("text", ["", "{", "[]", '{"port": 1}', '{"host": "x"}'])
def test_an_unreadable_address_is_no_address(tmp_path: Path, text: str) -> None:
    (tmp_path / ADDRESS_FILE).write_text(text)
    assert find_address(tmp_path) is None


def test_the_endpoint_answers_who_shows_the_token(listening: Address) -> None:
    connection = Connection(listening, Request(kind="status"))
    assert connection.owner["pid"] == os.getpid()
    connection.close()


def test_who_gives_up_before_the_welcome_has_asked_for_nothing(
    listening: Address, tmp_path: Path
) -> None:
    """Or a job would run twice: here unseen, and again in whichever process is asked next."""
    with socket.create_connection(("127.0.0.1", listening.port), timeout=10) as client:
        client.sendall(token_line(listening.token))
        assert b"pid" in client.recv(100)
        client.sendall(b'{"kind": "job", "name": "migrate"}')  # cut off before its end
    connection = Connection(listening, Request(kind="status"))
    assert list(connection.lines()) == []
    assert not (tmp_path / "data").exists()


def test_the_endpoint_refuses_a_wrong_token(listening: Address) -> None:
    with pytest.raises(OSError, match="not the owner"):
        Connection(listening._replace(token="guessed"), Request(kind="status"))


@pytest.mark.parametrize(
    "first",
    [
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://evil.example\r\n\r\n",
        b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}\n',
        json.dumps({"token": None, "kind": "status"}).encode() + b"\n",
        json.dumps({"token": "gesch\u00e4tzt"}).encode() + b"\n",
        b'{"token": "\\ud800"}\n',
        b"\xff\xfe\n",
        b"[" * 2000 + b"\n",
        b"x" * 5000,
    ],
)
def test_the_endpoint_hangs_up_on_everything_else(listening: Address, first: bytes) -> None:
    with socket.create_connection(("127.0.0.1", listening.port), timeout=10) as stranger:
        stranger.sendall(first)
        assert stranger.recv(100) == b""
