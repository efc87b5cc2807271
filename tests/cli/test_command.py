"""The command itself: its version, its help, its errors."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from neonblue import __version__
from neonblue.cli import COMMANDS, main
from neonblue.cli.serve import SERVERS, split_address
from neonblue.errors import InvalidInputError
from neonblue.servers.hub import NAME, SURFACES


def test_it_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out.strip() == f"neonblue {__version__}"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert COMMANDS[command].split()[0] in capsys.readouterr().out


def test_serve_offers_the_hub_and_every_server() -> None:
    assert set(SERVERS) == {NAME, *SURFACES}


@pytest.mark.parametrize(
    ("address", "expected"),
    [("127.0.0.1:80", ("127.0.0.1", 80)), ("[::1]:8080", ("::1", 8080)), ("db:1", ("db", 1))],
)
def test_an_address_is_a_host_and_a_port(address: str, expected: tuple[str, int]) -> None:
    assert split_address(address) == expected


@pytest.mark.parametrize("address", ["8080", ":8080", "host:", "host:http", "host:0", "host:70000"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(InvalidInputError, match="HOST:PORT"):
        split_address(address)


def test_who_stops_reading_gets_no_traceback(data_dir: Path) -> None:
    """As in ``neonblue doctor | head -1``: the reader is gone before anything is written."""
    reading, writing = os.pipe()
    os.close(reading)
    script = "from neonblue.cli import main; main(['doctor'])"
    ran = subprocess.run([sys.executable, "-c", script], stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert b"Traceback" not in ran.stderr
    assert b"BrokenPipe" not in ran.stderr
