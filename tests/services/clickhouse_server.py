"""A real ClickHouse server on loopback: users, grants, limits, from an npm package's library.

Its ``clickhouse local`` opens ClickHouse's own HTTP handlers with ``SYSTEM START LISTEN``. It has
no replication between servers and no users created by SQL. It runs in a process of its own:
``python -m tests.services.clickhouse_server LIBRARY FOLDER PORT CONFIG``.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from tests.services.ports import free_port, wait_for_port

LIBRARY = Path(__file__).parents[2] / ".cache" / "clickhouse" / "package" / "libchdb.so"
START_SECONDS = 60.0
PASSWORD = "right: p@ss/word"
SERVE = (
    "SYSTEM START LISTEN HTTP; SELECT sleepEachRow(1) FROM numbers(86400) "
    "SETTINGS max_block_size=1, function_sleep_max_microseconds_per_block=0 FORMAT Null"
)
CONFIG = """<clickhouse>
  <logger><level>warning</level><console>0</console><log>{folder}/server.log</log></logger>
  <user_directories><users_xml><path>{folder}/users.xml</path></users_xml></user_directories>
  {more}
</clickhouse>
"""
USERS = """<clickhouse>
  <profiles><default/><strict><readonly>2</readonly></strict>
    <reading><readonly>1</readonly></reading>
    <bounded><max_threads>2</max_threads><constraints><max_threads><max>2</max></max_threads>
      </constraints></bounded></profiles>
  <quotas><default/></quotas>
  <users>
    <default><password/><networks><ip>127.0.0.1</ip></networks><profile>default</profile>
      <quota>default</quota></default>
    <reader><password/><networks><ip>127.0.0.1</ip></networks><profile>strict</profile>
      <quota>default</quota></reader>
    <granted><password/><networks><ip>127.0.0.1</ip></networks><profile>default</profile>
      <quota>default</quota><grants><query>GRANT SELECT ON *.*</query></grants></granted>
    <guarded><password>{password}</password><networks><ip>127.0.0.1</ip></networks>
      <profile>default</profile><quota>default</quota></guarded>
    {documented}
    <bounded><password/><networks><ip>127.0.0.1</ip></networks><profile>bounded</profile>
      <quota>default</quota></bounded>
    <elsewhere><password/><networks><ip>192.0.2.1</ip></networks><profile>default</profile>
      <quota>default</quota></elsewhere>
  </users>
</clickhouse>
"""


DOCUMENTED = """<{user}><password/><networks><ip>127.0.0.1</ip></networks>
      <profile>{profile}</profile><quota>default</quota><grants>{grants}</grants></{user}>
"""
GRANT = re.compile(r"^(?P<grant>GRANT .+?) TO (?P<user>neonblue_\w+);$", re.MULTILINE)


def documented_users() -> str:
    """The users of docs/running.md with the grants that it gives them, as XML."""
    page = (Path(__file__).parents[2] / "docs" / "running.md").read_text()
    grants: dict[str, list[str]] = {}
    for found in GRANT.finditer(page):
        grants.setdefault(found["user"], []).append(f"<query>{found['grant']}</query>")
    return "".join(
        DOCUMENTED.format(
            user=user,
            profile="reading" if user == "neonblue_reader" else "default",
            grants="".join(queries),
        )
        for user, queries in grants.items()
    )


def missing() -> str | None:
    """Why it cannot run here, or None."""
    if not LIBRARY.is_file():
        return "no library in .cache/clickhouse: run `make clickhouse-library`, which needs npm"
    return None


class ClickHouseServer:
    """The server's process; ``reader`` may not write, ``granted`` may only read.

    ``guarded`` has ``PASSWORD``, ``elsewhere`` may not come from this machine, ``bounded`` may not
    use more than two threads; the users of docs/running.md have the grants that it says.
    """

    def __init__(self, folder: Path, more: str = "") -> None:
        self.folder = folder
        self.port = free_port()
        (folder / "users.xml").write_text(
            USERS.format(password=PASSWORD, documented=documented_users())
        )
        config = folder / "config.xml"
        config.write_text(CONFIG.format(folder=folder, more=more))
        words = (str(LIBRARY), str(folder / "data"), str(self.port), str(config))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.services.clickhouse_server", *words],
            cwd=Path(__file__).parents[2],
        )
        wait_for_port(self.port, START_SECONDS)

    def dsn(self, user: str = "default", database: str = "neonblue", password: str = "") -> str:
        """For ``NEONBLUE_CLICKHOUSE_DSN``."""
        return f"clickhouse://{user}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    def drop(self, database: str) -> None:
        """Remove a database with all that is in it."""
        statement = f"DROP DATABASE IF EXISTS {database} SYNC".encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", statement, timeout=60):
            pass

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()


@contextmanager
def running(more: str = "") -> Iterator[ClickHouseServer]:
    """A server with a folder of its own; ``more`` is XML for its configuration."""
    with tempfile.TemporaryDirectory(prefix="neonblue-clickhouse-") as folder:
        server = ClickHouseServer(Path(folder), more)
        try:
            yield server
        finally:
            server.kill()


def serve(library: str, folder: str, port: str, config: str) -> None:
    """Be the server until killed."""
    import ctypes

    words = ["clickhouse", "--config-file", config, "--path", folder]
    words += ["--listen_host", "127.0.0.1", "--http_port", port, "--query", SERVE]
    engine = ctypes.CDLL(library)
    engine.chdb_query_cmdline.restype = ctypes.c_void_p
    engine.chdb_query_cmdline.argtypes = [ctypes.c_int, ctypes.POINTER(ctypes.c_char_p)]
    engine.chdb_result_error.restype = ctypes.c_char_p
    engine.chdb_result_error.argtypes = [ctypes.c_void_p]
    spelt = [word.encode() for word in words]
    result = engine.chdb_query_cmdline(len(spelt), (ctypes.c_char_p * (len(spelt) + 1))(*spelt))
    sys.exit(str(engine.chdb_result_error(result)))


if __name__ == "__main__":
    serve(*sys.argv[1:5])
