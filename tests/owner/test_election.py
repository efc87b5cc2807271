"""Four processes reach for a directory at the same moment, fifty times: one of them owns it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROUNDS = 50
PROCESSES = 4

# Each line of stdin is a directory to reach for; an empty line lets go of it.
REACH = """
import json, os, sys
from pathlib import Path
from neonblue.owner.data_directory import DataDirectory
from neonblue.owner.endpoint import Endpoint
from neonblue.owner.handshake import Request

print("ready", flush=True)
for line in sys.stdin:
    directory = DataDirectory(Path(line.strip()))
    connection = directory.connect(Request(kind="status"))
    found = {"me": os.getpid(), "owner": connection.owner["pid"], "own": directory.own()}
    print(json.dumps(found), flush=True)
    sys.stdin.readline()
    connection.close()
    directory.close()
    print("closed", flush=True)
"""


class Candidate:
    """A process that reaches for directories when told to."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", REACH], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.read()

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@pytest.fixture
def candidates() -> Iterator[list[Candidate]]:
    started = [Candidate() for _ in range(PROCESSES)]
    yield started
    for candidate in started:
        candidate.process.kill()
        candidate.process.wait()


def test_four_simultaneous_processes_have_one_owner_fifty_times_in_a_row(
    candidates: list[Candidate], tmp_path: Path
) -> None:
    for number in range(ROUNDS):
        for candidate in candidates:
            candidate.tell(str(tmp_path / str(number)))
        found = [json.loads(candidate.read()) for candidate in candidates]
        assert len({answer["owner"] for answer in found}) == 1
        assert [answer["me"] for answer in found if answer["own"]] == [found[0]["owner"]]
        for candidate in candidates:
            candidate.tell("")
        assert [candidate.read() for candidate in candidates] == ["closed"] * PROCESSES
