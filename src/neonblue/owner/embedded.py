"""One data directory, many processes: serve, call and run jobs through whoever owns it.

The first process owns the directory. Every later one works through the owner, and one of them
takes over when it dies. With a ClickHouse server (``clickhouse://``) there is no owner: every
process talks to the server itself.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from neonblue.errors import UnavailableError
from neonblue.jobs import Report, find_job
from neonblue.owner.connection import Connection
from neonblue.owner.data_directory import DataDirectory
from neonblue.owner.handshake import Request
from neonblue.owner.shutdown import unwinding_on_sigterm
from neonblue.settings import StoreSettings

if TYPE_CHECKING:
    from neonblue.owner.tool_client import ToolClient

DRAIN_SECONDS = 10.0
LET_GO_SECONDS = 1.0
WARM_UP_AFTER_SECONDS = 1.0


def serve_stdio(name: str) -> None:
    """Serve one client on stdin and stdout until it leaves or SIGTERM comes."""
    settings = StoreSettings()
    if not settings.embedded:
        _serve_here(name, settings.read_only)
        return
    directory = DataDirectory(settings.owned_directory, serving=True)
    drain_seconds = DRAIN_SECONDS
    try:
        if directory.own():
            _serve_here(name, settings.read_only)
        else:
            _relay(directory, Request(kind="session", name=name, read_only=settings.read_only))
    except SystemExit:
        drain_seconds = 0.0
        raise
    finally:
        directory.close(drain_seconds=drain_seconds)


def run_job(name: str, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Run a job where the data is: in the owner of the data directory, or here.

    Paths in ``arguments`` have to be absolute: the owner has another working directory. Raises
    the job's ``NeonBlueError``, and ``UnavailableError`` when the owner dies meanwhile.
    """
    find_job(name)
    with _reached(
        StoreSettings(), Request(kind="job", name=name, arguments=arguments)
    ) as connection:
        from neonblue.owner.job_stream import read_streamed

        result = read_streamed(connection.lines(), report)
    if result is None:
        raise UnavailableError(
            f"the process that held the data ended while it ran {name!r}: nothing is left half "
            "done; run the command again"
        )
    return result


@contextmanager
def data_held() -> Iterator[None]:
    """Own the data directory, unless somebody does, until the block ends.

    For a command that runs jobs again and again: the stores are opened once.
    """
    settings = StoreSettings()
    if not settings.embedded:
        yield
        return
    directory = DataDirectory(settings.owned_directory)
    try:
        directory.own()
        yield
    finally:
        directory.close(drain_seconds=LET_GO_SECONDS)


@contextmanager
def connect_to_tools(name: str = "neonblue") -> Iterator[ToolClient]:
    """A client of the hub, or of one server, wherever the data is."""
    settings = StoreSettings()
    request = Request(kind="session", name=name, read_only=settings.read_only)
    with _reached(settings, request) as connection:
        from neonblue.owner.tool_client import ToolClient

        yield ToolClient(connection)


@contextmanager
def _reached(settings: StoreSettings, request: Request) -> Iterator[Connection]:
    if not settings.embedded:
        with _reached_here(request) as connection:
            yield connection
        return
    directory = DataDirectory(settings.owned_directory)
    with unwinding_on_sigterm():
        try:
            with closing(directory.connect(request)) as connection:
                yield connection
        finally:
            directory.close(drain_seconds=DRAIN_SECONDS)


@contextmanager
def _reached_here(request: Request) -> Iterator[Connection]:
    """Nobody owns a ClickHouse server: this process serves itself."""
    from neonblue.owner.endpoint import Endpoint

    endpoint = Endpoint()
    try:
        with closing(Connection(endpoint.start(), request)) as connection:
            yield connection
    finally:
        endpoint.stop()


def _serve_here(name: str, read_only: bool) -> None:
    from neonblue.owner.preload import build_imported
    from neonblue.servers.json_rpc import take_stdio

    wire = take_stdio()
    server = build_imported(name, read_only)
    from neonblue.owner.stdio_server import serve_wire

    serve_wire(server, wire)


def _relay(directory: DataDirectory, request: Request) -> None:
    from neonblue.owner.preload import warm_up
    from neonblue.owner.relay import Relay
    from neonblue.servers.json_rpc import take_stdio

    wire = take_stdio()
    relay = Relay(partial(directory.connect, request), wire.write)
    later = threading.Timer(WARM_UP_AFTER_SECONDS, warm_up, (request.name, request.read_only))
    later.daemon = True
    later.start()
    with unwinding_on_sigterm(status=0):
        relay.run(wire.lines())
