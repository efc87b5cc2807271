"""Fixtures that every folder of tests may use: real data, a real workspace, a real client."""

import ctypes
import gc
import logging
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

from neonblue.stores import Store, open_store
from neonblue.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from fastmcp import Client
    from tests.services.clickhouse_server import ClickHouseServer
    from tests.services.http_process import StartHttp
    from tests.services.server_process import Start

ROOT = Path(__file__).parents[1]
# A busy machine is no fault of a test.
settings.register_profile("busy", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("busy")
# "clickhouse": a real server in the place of the engine in this process.
ENGINE = os.environ.get("NEONBLUE_TEST_ENGINE", "chdb")
OUR_VARIABLES = ("NEONBLUE_", "CLICKHOUSE_", "CHROMADB_", "KAFKA_", "OPENAI_", "ANTHROPIC_")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with a test that may take long go first: at the end one process would wait for it."""
    if ENGINE == "clickhouse":
        for item in items:
            if (mark := item.get_closest_marker("embedded")) is not None:
                item.add_marker(pytest.mark.skip(reason=f"needs chDB: {mark.args[0]}"))
    longest: dict[Path, float] = {}
    for item in items:
        longest[item.path] = max(longest.get(item.path, 0.0), _seconds_allowed(item))
    items.sort(key=lambda item: -longest[item.path])


def _seconds_allowed(item: pytest.Item) -> float:
    mark = item.get_closest_marker("timeout")
    return float(mark.args[0]) if mark else 0.0


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test depends on what the machine has configured, or on what a test before it set."""
    before = dict(os.environ)
    for name in tuple(os.environ):
        if name.startswith(OUR_VARIABLES) and name != "NEONBLUE_SHARED":
            monkeypatch.delenv(name)
    yield
    for name in os.environ.keys() - before.keys():
        del os.environ[name]


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """A command run in this process sends logs elsewhere for good; the next test finds its own."""
    loggers = [logging.getLogger(name) for name in (None, "neonblue", "fastmcp")]
    before = [(logger, logger.level, list(logger.handlers)) for logger in loggers]
    yield
    logging.captureWarnings(False)
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers = handlers


@pytest.fixture(autouse=True, scope="module")
def _memory_given_back() -> Iterator[None]:
    """What a file of tests opened is gone when the next one begins."""
    yield
    _give_back_memory()


def _give_back_memory() -> None:
    """Closed stores and models sit in cycles until they are collected, and the C library keeps
    what ended threads had allocated: without this, a process of the run grows to 4 GB."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's alone
    if trim is not None:
        trim(0)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data sets, beside the checkout or at NEONBLUE_SHARED."""
    shared = Path(os.environ.get("NEONBLUE_SHARED", ROOT.parent / "shared"))
    if shared.is_dir():
        return shared
    reason = f"the public data sets are not at {str(shared)!r}: set NEONBLUE_SHARED"
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def real_server() -> "Iterator[ClickHouseServer]":
    """A real ClickHouse server, one a run."""
    from tests.services import clickhouse_server

    reason = clickhouse_server.missing()
    if reason is not None:
        pytest.skip(reason)
    with clickhouse_server.running() as running:
        yield running


@pytest.fixture
def server_dsn(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """A database of this test alone on the real server, where tests run on one; else None."""
    if ENGINE != "clickhouse":
        yield None
        return
    server: ClickHouseServer = request.getfixturevalue("real_server")
    database = f"test_{uuid4().hex}"
    yield server.dsn(database=database)
    server.drop(database)


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server_dsn: str | None) -> Path:
    """An empty data directory that this test's settings point to."""
    directory = tmp_path / "data"
    monkeypatch.setenv("NEONBLUE_DATA_DIR", str(directory))
    if server_dsn is not None:
        monkeypatch.setenv("NEONBLUE_CLICKHOUSE_DSN", server_dsn)
    return directory


@pytest.fixture(scope="session")
def empty_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an embedded store that has every table and no row: copying takes .05 s."""
    folder = tmp_path_factory.mktemp("empty_tables") / "clickhouse"
    open_store(f"chdb://{folder}", max_memory_fraction=0.2).close()
    return folder


@pytest.fixture
def store(
    tmp_path: Path, server_dsn: str | None, request: pytest.FixtureRequest
) -> Iterator[Store]:
    """A real store with no row in it."""
    if server_dsn is None:
        empty_tables = request.getfixturevalue("empty_tables")
        shutil.copytree(empty_tables, tmp_path / "clickhouse", symlinks=True)
    dsn = server_dsn or f"chdb://{tmp_path / 'clickhouse'}"
    opened = open_store(dsn, max_memory_fraction=0.2)
    yield opened
    opened.close()


@pytest.fixture
def workspace(
    data_dir: Path, server_dsn: str | None, request: pytest.FixtureRequest
) -> Iterator[Workspace]:
    """The workspace of the empty data directory; ``client`` talks to the same one."""
    if server_dsn is None:
        empty_tables = request.getfixturevalue("empty_tables")
        shutil.copytree(empty_tables, data_dir / "clickhouse", symlinks=True)
    with open_workspace() as opened:
        yield opened
    _give_back_memory()


@pytest.fixture
async def client(workspace: Workspace) -> "AsyncIterator[Client[Any]]":
    """A client connected to the hub in memory."""
    from fastmcp import Client

    from neonblue.servers.hub import build

    async with Client(build()) as connected:
        yield connected


@pytest.fixture
def start_http(data_dir: Path) -> "Iterator[StartHttp]":
    """Starts ``neonblue serve --http`` on a free loopback port and returns its address."""
    from tests.services.http_process import start_http_process

    from neonblue.owner.lock import find_address

    started: list[subprocess.Popen[bytes]] = []

    def start(**variables: str) -> str:
        process, address = start_http_process(NEONBLUE_DATA_DIR=str(data_dir), **variables)
        started.append(process)
        return address

    yield start
    for process in started:
        process.terminate()
        assert process.wait(20) == 0
        owner = find_address(data_dir)
        assert owner is None or owner.pid != process.pid


@pytest.fixture
def start_server(data_dir: Path) -> "Iterator[Start]":
    """Starts ``neonblue serve`` on this test's data directory; all of them end with the test."""
    from tests.services.server_process import ServerProcess

    started: list[ServerProcess] = []

    def start(*words: str, **variables: str) -> ServerProcess:
        environment = {**os.environ, "NEONBLUE_DATA_DIR": str(data_dir), **variables}
        started.append(ServerProcess(("serve", *words), environment))
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.stop()


@pytest.fixture
def owner_pid(data_dir: Path) -> Callable[[], int | None]:
    """The process that says it owns this test's data directory."""

    from neonblue.owner.lock import find_address

    def find() -> int | None:
        address = find_address(data_dir)
        return address.pid if address else None

    return find


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Wait for a condition, failing after some seconds."""

    def wait(condition: Callable[[], bool], seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.005)

    return wait
