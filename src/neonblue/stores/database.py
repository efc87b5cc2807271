"""One ClickHouse, by one DSN: chDB in this process or a server over HTTP.

The only place that knows the difference. ``chdb:///path`` opens the engine in process,
``clickhouse://user:password@host:8123/database`` a server (``clickhouses://`` over TLS). SQL comes
from the stores with bound parameters (``{name:Type}``); values never meet the text.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from neonblue.errors import (
    ConflictError,
    InvalidInputError,
    RefusedRowsError,
    StoreBusyError,
    UnavailableError,
)
from neonblue.models.outside_text import heard
from neonblue.models.reader import current_reader
from neonblue.stores.engine_faults import machine_fault
from neonblue.stores.fatal_signals import end_if_engine_died, kept_signal_handlers
from neonblue.stores.row_faults import ROW_FAULTS

if TYPE_CHECKING:
    import pyarrow as pa
    from clickhouse_connect.driver.client import Client

Parameters = Mapping[str, Any]
Row = tuple[Any, ...]

IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
MEMORY_LIMIT_EXCEEDED = 241
UNKNOWN_DATABASE = 81
SMALLEST_MEMORY_BYTES = 512 << 20
ENGINE_LOCK_SECONDS = 3.0
MOST_CLIENTS = 16  # each costs memory; more queries at once than this only share the cores
KEPT_CLIENTS = 4
ENGINES_OWN = "system."  # what the engine says of itself comes from nobody outside
MOST_HEARD_ROWS = 2_000  # more are not shown one by one
ENGINE_FAILED = "initializing EmbeddedServer"


class Database:
    """A small pool of clients for readers, one lock for writers.

    A client serves one call at a time; a call takes a free one or opens another (25 ms), up to
    ``MOST_CLIENTS``; what a burst of calls opened is closed after it. Safe to share between
    threads, never to be held open over a fork.
    """

    def __init__(self, dsn: str, *, max_memory_fraction: float = 0.5) -> None:
        self._dsn = dsn
        self._memory_bytes = _memory_limit(max_memory_fraction)
        self._free: list[Client] = []
        self._opened: list[Client] = []
        self._guard = threading.Lock()
        self._seats = threading.BoundedSemaphore(MOST_CLIENTS)
        self._writer = threading.RLock()
        self._closed = False
        self._read = threading.local()
        self._column_types: dict[tuple[str, tuple[str, ...]], Sequence[Any]] = {}
        with self._client():
            pass

    @property
    def embedded(self) -> bool:
        """Whether the engine runs in this process."""
        return self._dsn.startswith("chdb:")

    @property
    def name(self) -> str:
        """Where the data lives, without credentials: for messages and ``neonblue doctor``."""
        parsed = urlparse(self._dsn)
        return f"{parsed.scheme}://{parsed.hostname or ''}{unquote(parsed.path)}"

    def version(self) -> str:
        """The version of the engine that answers."""
        return str(self.rows("SELECT version()")[0][0])

    def rows(
        self,
        sql: str,
        parameters: Parameters | None = None,
        settings: Mapping[str, Any] | None = None,
        *,
        own: Container[str] = (),
    ) -> list[Row]:
        """The rows of a query as tuples of Python values; times are aware and in UTC.

        ``own`` names columns whose sentences are ours: they are not taken for text from outside.
        """
        read: dict[str, list[Row]] | None = getattr(self._read, "rows", None)
        if read is None:
            return self._query(sql, parameters, settings, own)
        asked = repr((sql, parameters, settings))
        if asked not in read:
            read[asked] = self._query(sql, parameters, settings, own)
        return list(read[asked])

    @contextmanager
    def reading_once(self) -> Iterator[None]:
        """Within it this thread's equal queries are asked once, until it writes something.

        For one answer that several modules put together: it is also read as of one moment.
        """
        outer = getattr(self._read, "rows", None)
        self._read.rows = {} if outer is None else outer
        try:
            yield
        finally:
            self._read.rows = outer

    def _query(
        self,
        sql: str,
        parameters: Parameters | None,
        settings: Mapping[str, Any] | None,
        own: Container[str],
    ) -> list[Row]:
        with self._client() as client:
            result = client.query(
                sql, parameters=_bound(parameters), settings=_plain(settings), tz_mode="aware"
            )
            rows = [tuple(row) for row in result.result_rows]
        if ENGINES_OWN not in sql:
            others = [i for i, name in enumerate(result.column_names) if name not in own]
            heard([[row[i] for i in others] for row in rows[:MOST_HEARD_ROWS]])
        return rows

    def row(self, sql: str, parameters: Parameters | None = None) -> Row | None:
        """The first row of a query, if there is one."""
        rows = self.rows(sql, parameters)
        return rows[0] if rows else None

    def table(self, sql: str, parameters: Parameters | None = None) -> pa.Table:
        """The result of a query as one Arrow table."""
        with self._client() as client:
            table: pa.Table = client.query_arrow(
                sql, parameters=_bound(parameters), use_strings=True
            )
        _hear_columns(table)
        return table

    def command(self, sql: str, parameters: Parameters | None = None) -> None:
        """Run a statement that changes something, one at a time."""
        self._before_writing()
        with self._writer, self._client() as client:
            client.command(sql, parameters=_bound(parameters))

    def insert(self, table: str, rows: pa.Table) -> None:
        """Append Arrow rows to a table; returns when the engine has acknowledged them.

        ``RefusedRowsError`` when it is what a row holds, else ``UnavailableError``.
        """
        if rows.num_rows == 0:
            return
        self._before_writing()
        with self._writer, _faults_told_apart(self.name), self._client() as client:
            client.insert_arrow(identifier(table), rows)

    def insert_rows(
        self,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        *,
        once: str | None = None,
    ) -> None:
        """Append a few rows; for many, ``insert`` is three times as fast.

        ``once``: a token; of several inserts with one token the engine keeps the first, in tables
        with a window for that.
        """
        if not rows:
            return
        self._before_writing()
        settings = None if once is None else {"insert_deduplication_token": once}
        with self._writer, _faults_told_apart(self.name), self._client() as client:
            client.insert(
                identifier(table),
                rows,
                column_names=list(columns),
                column_types=self._types(client, table, columns),
                settings=settings,
            )

    def _types(self, client: Client, table: str, columns: Sequence[str]) -> Sequence[Any]:
        """Types of columns, asked for once: the client would before each insert."""
        known = self._column_types.get((table, tuple(columns)))
        if known is None:
            context = client.create_insert_context(identifier(table), list(columns))
            known = self._column_types[table, tuple(columns)] = context.column_types
        return known

    def _before_writing(self) -> None:
        """Refuse in a read-only server; what this thread has read is read anew."""
        _refuse_in_read_only()
        read: dict[str, list[Row]] | None = getattr(self._read, "rows", None)
        if read is not None:
            read.clear()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the writer lock over several statements that belong together."""
        with self._writer:
            yield

    def separate_client(self) -> Client:
        """A client outside the pool, for a caller that closes it: what is set there stays there."""
        with self._guard:
            if self._closed:
                raise UnavailableError(
                    f"the store {self.name!r} is closed: start neonblue again to go on"
                )
        return self._open()

    def close(self) -> None:
        """Close every client; calls after that raise ``UnavailableError``."""
        with self._guard:
            self._closed = True
            opened, self._opened, self._free = self._opened, [], []
        for client in opened:
            client.close()

    @contextmanager
    def _client(self) -> Iterator[Client]:
        with self._seats:
            client = self._take()
            try:
                with translated(self.name):
                    yield client
            finally:
                self._give_back(client)

    def _take(self) -> Client:
        with self._guard:
            if self._closed:
                raise UnavailableError(
                    f"the store {self.name!r} is closed: start neonblue again to go on"
                )
            if self._free:
                return self._free.pop()
            client = self._open()
            self._opened.append(client)
            return client

    def _give_back(self, client: Client) -> None:
        """Keep the client for the next call, or close it when enough of them wait already."""
        with self._guard:
            if self._closed:
                return
            if len(self._free) < KEPT_CLIENTS:
                self._free.append(client)
                return
            self._opened.remove(client)
        client.close()

    def _open(self) -> Client:
        with translated(self.name):
            if self.embedded:
                return _open_embedded(self._dsn, self._memory_bytes)
            return _open_server(self._dsn, self._memory_bytes)


def _hear_columns(table: pa.Table) -> None:
    """Remember texts of a result that is small enough to be shown."""
    if table.num_rows <= MOST_HEARD_ROWS:
        for column in table.columns:
            if "string" in str(column.type):
                heard(column.to_pylist())


def _refuse_in_read_only() -> None:
    """The last line of a read-only server; what comes here should have been left out before."""
    if not current_reader().records:
        raise ConflictError(
            "this server is read-only (NEONBLUE_READ_ONLY) and writes nothing: ask one that is not"
        )


def identifier(name: str) -> str:
    """The name, if it is one of ours: lower-case letters, digits and underscores."""
    if not IDENTIFIER.match(name):
        raise InvalidInputError(
            f"{name!r} is not a table name: use lower-case letters, digits and underscores"
        )
    return name


def _bound(parameters: Parameters | None) -> dict[str, Any] | None:
    return dict(parameters) if parameters else None


def _plain(settings: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return dict(settings) if settings else None


def _open_embedded(dsn: str, memory_bytes: int) -> Client:
    """A client of the engine in this process.

    A killed owner of the data directory lets go of one lock after the other: ours may be free
    already while the engine's is still held. So the engine is given a moment.
    """
    from clickhouse_connect.driver.exceptions import ProgrammingError

    path = Path(unquote(urlparse(dsn).path))
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        return _embedded_client(path, memory_bytes)
    except ProgrammingError as error:
        if ENGINE_FAILED not in str(error):
            raise
        if not _let_go_of(path):
            raise StoreBusyError(
                f"another process holds the data in {str(path)!r}: let it finish or stop it; "
                "`neonblue doctor` shows who it is"
            ) from error
    # Also when nobody held it any more: its holder may have died since the refusal.
    return _embedded_client(path, memory_bytes)


def _let_go_of(path: Path) -> bool:
    """Wait until no process has the engine open there; False when one keeps it."""
    deadline = time.monotonic() + ENGINE_LOCK_SECONDS
    while _engine_locked(path):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _embedded_client(path: Path, memory_bytes: int) -> Client:
    import clickhouse_connect

    with kept_signal_handlers():
        return clickhouse_connect.get_client(
            interface="chdb",
            path=str(path),
            chdb_options={"max_server_memory_usage": str(memory_bytes), **_small_engine()},
            settings=_spilling(memory_bytes),
        )


def _engine_locked(path: Path) -> bool:
    """Whether a process has the engine open there; it runs only where there is ``fcntl``."""
    import fcntl

    try:
        with (path / "status").open("rb") as status:
            fcntl.flock(status, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # not there, or not to be read: then no lock is what is wrong
        return False
    return False


def _small_engine() -> dict[str, str]:
    """Sizes for an engine inside another process. Its defaults are a server's: 16 merges at once
    with buffers for each, and caches that grow to gigabytes over a long stream."""
    return {
        "background_pool_size": str(max(2, os.cpu_count() or 2)),
        "mark_cache_size": str(128 << 20),
        "index_mark_cache_size": str(64 << 20),
        "primary_index_cache_size": str(128 << 20),
    }


def _spilling(memory_bytes: int) -> dict[str, str]:
    """Large groupings and sorts go to disk instead of failing."""
    half = str(memory_bytes // 2)
    return {"max_bytes_before_external_group_by": half, "max_bytes_before_external_sort": half}


def _open_server(dsn: str, memory_bytes: int) -> Client:
    from clickhouse_connect.driver.exceptions import DatabaseError

    options: dict[str, Any] = {
        "dsn": dsn,
        "autogenerate_session_id": False,
        "settings": {"max_memory_usage": str(memory_bytes), **_spilling(memory_bytes)},
    }
    if dsn.startswith("clickhouses:"):
        options["interface"] = "https"
    try:
        return _server_client(options)
    except DatabaseError as error:
        if error.code != UNKNOWN_DATABASE:
            raise
    database = urlparse(dsn).path.strip("/")
    with _server_client({**options, "database": "default"}) as client:
        client.command("CREATE DATABASE IF NOT EXISTS {name:Identifier}", {"name": database})
    return _server_client(options)


def _server_client(options: Mapping[str, Any]) -> Client:
    """A client; an address that cannot be read is refused without a word of it."""
    import clickhouse_connect

    try:
        return clickhouse_connect.get_client(**options)
    except (TypeError, ValueError):
        raise InvalidInputError(
            "NEONBLUE_CLICKHOUSE_DSN cannot be read: write "
            "clickhouse://USER:PASSWORD@HOST:PORT/DATABASE, user and password before the host and "
            "not behind a ?, with / : @ ? # % in them as %2F %3A %40 %3F %23 %25"
        ) from None


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Map what the driver raises about the world to our tree; mistakes in SQL pass through."""
    from clickhouse_connect.driver import exceptions

    try:
        yield
    except OSError as error:  # the driver keeps what it inserts in a file for a moment
        if (fault := machine_fault(error, name)) is not None:
            raise fault from error
        raise
    except exceptions.OperationalError as error:
        if (fault := machine_fault(error, name)) is not None:
            raise fault from error
        raise UnavailableError(
            f"ClickHouse at {name!r} does not answer ({_first_line(error)}): "
            "check that it runs and that NEONBLUE_CLICKHOUSE_DSN is right, then `neonblue doctor`"
        ) from error
    except exceptions.ProgrammingError as error:
        if (fault := machine_fault(error, name)) is not None:
            raise fault from error
        if "Unable to open the chdb engine" not in str(error):
            raise
        raise _cannot_open(name, str(error)) from error
    except exceptions.DatabaseError as error:
        if name.startswith("chdb:"):
            end_if_engine_died(error.code, str(error))
        if (fault := machine_fault(error, name)) is not None:
            raise fault from error
        if error.code != MEMORY_LIMIT_EXCEEDED:
            raise
        raise UnavailableError(
            "the query needs more memory than the engine may use: narrow it, "
            "or raise NEONBLUE_MAX_MEMORY_FRACTION"
        ) from error


@contextmanager
def _faults_told_apart(name: str) -> Iterator[None]:
    """Whose fault a failed insert is: the rows' by a list of codes, everything else the server's.

    Too many parts, a read-only table, missing rights, a full disk, a name that is not there: what
    is not on the list passes as the server's, so that no good row is blamed for it.
    """
    from clickhouse_connect.driver import exceptions

    try:
        yield
    except exceptions.Error as error:
        if error.code is not None and error.code in ROW_FAULTS:
            raise RefusedRowsError(f"{ROW_FAULTS[error.code]}: {_first_line(error)}") from error
        raise UnavailableError(
            f"ClickHouse at {name!r} takes no rows now (code {error.code or 'unknown'}: "
            f"{_first_line(error)}): mend it there, nothing was lost; `neonblue doctor` helps"
        ) from error


def _cannot_open(name: str, reason: str) -> UnavailableError:
    if "already initialized with path" in reason:
        return StoreBusyError(
            f"another store in this process holds the data that {name!r} asks for: close it first"
        )
    return UnavailableError(
        f"the data in {name!r} cannot be opened ({_first_line(reason)}): run `neonblue doctor`"
    )


def _first_line(error: object) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def _memory_limit(fraction: float) -> int:
    """Bytes that the engine may use: a share of what this machine or container has."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.is_file() and (text := limit.read_text().strip()).isdigit():
        total = min(total, int(text))
    return max(SMALLEST_MEMORY_BYTES, int(total * fraction))
