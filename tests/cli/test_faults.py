"""A full disk, damaged files, an owner file that cannot be used: one message with the remedy."""

import os
import resource
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from neonblue.owner.lock import ADDRESS_FILE, find_address

NEONBLUE = Path(sys.executable).with_name("neonblue")
ROWS = 20_000


def neonblue(
    data_dir: Path, *words: str, file_bytes: int | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run the command; ``file_bytes`` is what the largest file may have, as on a full disk."""

    def limit() -> None:
        if file_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))

    done = subprocess.run(
        [str(NEONBLUE), *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "NEONBLUE_DATA_DIR": str(data_dir), **variables},
        preexec_fn=limit,
    )
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def load(tmp_path: Path) -> tuple[str, ...]:
    """The words that load an experiment ``x``."""
    path = tmp_path / "units.csv"
    rows = [f"{os.urandom(8).hex()},{('a', 'b')[row % 2]},{row % 3 == 0:d}" for row in range(ROWS)]
    path.write_text("\n".join(["unit,variant,bought", *rows]))
    columns = ("--unit", "unit", "--variant", "variant", "--control", "a")
    return ("load", str(path), "--experiment", "x", *columns, "--metric", "bought=bought")


def test_a_question_mark_in_the_folder_is_refused(tmp_path: Path) -> None:
    done = neonblue(tmp_path / "a?b", "call", "list_experiments")
    assert done.returncode == 2
    assert "NEONBLUE_DATA_DIR" in done.stderr
    assert "'?'" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_owner_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / ADDRESS_FILE).mkdir()
    for command in (("call", "list_experiments"), ("serve",)):
        done = neonblue(tmp_path, *command)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert "remove it and start again" in done.stderr
    seen = neonblue(tmp_path, "doctor")
    assert seen.returncode == 1
    assert str(tmp_path / ADDRESS_FILE) in seen.stdout


@pytest.mark.parametrize(
    "text", ['{"port": -1, "token": "t", "pid": 1}', '{"port": 99999, "token": "t", "pid": 1}']
)
def test_an_address_that_cannot_be_one_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / ADDRESS_FILE).write_text(text)
    assert find_address(tmp_path) is None


def test_a_full_disk_is_one_message_and_nothing_is_half_done(
    tmp_path: Path, load: tuple[str, ...]
) -> None:
    data = tmp_path / "data"
    assert neonblue(data, "call", "list_experiments").returncode == 0
    full = neonblue(data, *load, file_bytes=200_000)
    assert full.returncode == 2
    assert "is full: make room" in full.stderr, full.stderr
    listed = neonblue(data, "call", "list_experiments")
    assert '"total": 0' in listed.stdout


def test_damaged_data_is_named_and_never_passed_over(tmp_path: Path, load: tuple[str, ...]) -> None:
    data = tmp_path / "data"
    assert neonblue(data, *load).returncode == 0
    files = [path for path in (data / "clickhouse" / "store").rglob("*.bin") if _is_large(path)]
    kept = {path: path.read_bytes() for path in files}
    for path in files:
        path.write_bytes(path.read_bytes()[:20] + b"x" * 40 + path.read_bytes()[60:])
    ask = ("call", "analyze_experiment_performance", "experiment_id=x")
    asked = neonblue(data, *ask)
    assert asked.returncode != 0
    assert "is damaged (part " in asked.stderr.splitlines()[-1]
    assert "from a backup" in asked.stderr
    assert "damaged" in neonblue(data, "doctor").stdout
    for path, content in kept.items():
        path.write_bytes(content)
    assert neonblue(data, *ask).returncode == 0
    for path in files:
        (path.parent / "columns.txt").write_text("nonsense")
    set_aside = neonblue(data, *ask)
    assert set_aside.returncode != 0
    assert "the engine set aside" in set_aside.stderr
    assert neonblue(data, "doctor").returncode == 1


def _is_large(path: Path) -> bool:
    return path.stat().st_size > 1_000


class _Refusing(BaseHTTPRequestHandler):
    """Answers as ClickHouse answers a wrong password."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b"Code: 516. DB::Exception: ana: Authentication failed. (AUTHENTICATION_FAILED)\n"
        self.send_response(403)
        self.send_header("X-ClickHouse-Exception-Code", "516")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST  # noqa: N815 - named by the standard library

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_wrong_credentials_are_named_without_the_password(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        dsn = f"clickhouse://ana:secret@127.0.0.1:{server.server_port}/shop"
        done = neonblue(tmp_path, "call", "list_experiments", CLICKHOUSE_DSN=dsn)
        seen = neonblue(tmp_path, "doctor", CLICKHOUSE_DSN=dsn)
        server.shutdown()
    assert done.returncode != 0
    assert "refuses the user or the password" in done.stderr
    assert seen.returncode == 1
    assert "refuses the user or the password" in seen.stdout
    assert "secret" not in done.stderr + seen.stdout + seen.stderr
