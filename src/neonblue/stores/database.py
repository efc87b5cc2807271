"""One ClickHouse, by one DSN: chDB in this process or a server over HTTP.

The only place that knows the difference. ``chdb:///path`` opens the engine in process,
``clickhouse://user:password@host:8123/database`` a server (``clickhouses://`` over TLS). SQL comes
from the stores with bound parameters (``{name:Type}``); values never meet the text.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse
from uuid import uuid4

from neonblue.errors import (
    ConflictError,
    InvalidInputError,
    RefusedRowsError,
    StoreBusyError,
    UnavailableError,
)
from neonblue.models.outside_text import heard
from neonblue.models.reader import current_reader
from neonblue.stores import server_client
from neonblue.stores.embedded_engine import memory_limit, open_embedded
from neonblue.stores.engine_faults import machine_fault
from neonblue.stores.fatal_signals import end_if_engine_died
from neonblue.stores.layout import Cluster, Layout, choose_layout
from neonblue.stores.row_faults import ROW_FAULTS

if TYPE_CHECKING:
    import pyarrow as pa
    from clickhouse_connect.driver.client import Client

Parameters = Mapping[str, Any]
Row = tuple[Any, ...]

IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
MEMORY_LIMIT_EXCEEDED = 241
MOST_CLIENTS = 16  # each costs memory; more queries at once than this only share the cores
KEPT_CLIENTS = 4
ENGINES_OWN = "system."  # what the engine says of itself comes from nobody outside
MOST_HEARD_ROWS = 2_000  # more are not shown one by one
INSERT = re.compile(r"\s*INSERT\b")
TOKEN = "insert_deduplication_token"


class Database:
    """A small pool of clients for readers, one lock for writers.

    A client serves one call at a time; a call takes a free one or opens another (25 ms), up to
    ``MOST_CLIENTS``; what a burst of calls opened is closed after it. Safe to share between
    threads, never to be held open over a fork.
    """

    def __init__(
        self, dsn: str, *, max_memory_fraction: float = 0.5, cluster: Cluster = "none"
    ) -> None:
        self._dsn = dsn
        self._cluster = cluster
        self._memory_bytes = memory_limit(max_memory_fraction)
        self._free: list[Client] = []
        self._opened: list[Client] = []
        self._guard = threading.Lock()
        self._seats = threading.BoundedSemaphore(MOST_CLIENTS)
        self._writer = threading.RLock()
        self._closed = False
        self._read = threading.local()
        self._column_types: dict[tuple[str, tuple[str, ...]], Sequence[Any]] = {}
        self.layout = Layout()
        with self._client():
            pass
        self.layout = choose_layout(self, cluster)

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

    def may_write(self) -> bool:
        """Whether the user may do more than read: a server's may have ``readonly`` set."""
        if self.embedded:
            return True
        row = self.row("SELECT value FROM system.settings WHERE name = 'readonly'")
        return row is not None and str(row[0]) == "0"

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
                sql,
                parameters=_bound(parameters),
                settings=self._settings(client, settings, reads=True),
                tz_mode="aware",
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
                sql,
                parameters=_bound(parameters),
                settings=self._settings(client, reads=True),
                use_strings=True,
            )
        _hear_columns(table)
        return table

    def has_table(self, table: str) -> bool:
        """Whether there is a table of that name now."""
        row = self.row(
            "SELECT count() FROM system.tables "
            "WHERE database = currentDatabase() AND name = {table:String}",
            {"table": table},
        )
        return row is not None and bool(row[0])

    def command(self, sql: str, parameters: Parameters | None = None) -> None:
        """Run a statement that changes something, one at a time, as the layout needs it."""
        self.define(self.layout.of(sql), parameters)

    def define(self, statement: str, parameters: Parameters | None = None) -> None:
        """Run a statement that is as the layout needs it already."""
        self._before_writing()
        given = {TOKEN: uuid4().hex} if INSERT.match(statement) else None
        with self._writer, self._client() as client:
            settings = self._settings(client, given)
            client.command(statement, parameters=_bound(parameters), settings=settings)

    def insert(self, table: str, rows: pa.Table, *, token: str | None = None) -> None:
        """Append Arrow rows to a table; returns when the engine has acknowledged them.

        Engines drop an insert that equals an earlier one, unless it has a token of its own: so each
        call has one. ``token`` is for a caller that does not know whether the rows went in and
        calls again: with the same one they are not stored twice where the engine looks.
        ``RefusedRowsError`` when it is what a row holds, else ``UnavailableError``.
        """
        if rows.num_rows == 0:
            return
        self._before_writing()
        with self._writer, _faults_told_apart(self.name), self._client() as client:
            settings = self._settings(client, {TOKEN: token or uuid4().hex})
            client.insert_arrow(identifier(table), rows, settings=settings)

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
        with a window for that. Without it each call counts.
        """
        if not rows:
            return
        self._before_writing()
        with self._writer, _faults_told_apart(self.name), self._client() as client:
            client.insert(
                identifier(table),
                rows,
                column_names=list(columns),
                column_types=self._types(client, table, columns),
                settings=self._settings(client, {TOKEN: once or uuid4().hex}),
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
                return open_embedded(self._dsn, self._memory_bytes)
            several = self._cluster != "none"
            return server_client.open_server(self._dsn, several_replicas=several)

    def _settings(
        self, client: Client, given: Mapping[str, Any] | None = None, *, reads: bool = False
    ) -> dict[str, Any] | None:
        """The settings of one statement; a server is told which tool asks, and when to give up."""
        if self.embedded:
            return dict(given) if given else None
        limit = server_client.read_limit(client) if reads else {}
        return server_client.spoken_for(client, {**limit, **(given or {})})


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
        raise_it = (
            "NEONBLUE_MAX_MEMORY_FRACTION"
            if name.startswith("chdb:")
            else "max_memory_usage of the user's profile, or as ?max_memory_usage=BYTES in the DSN"
        )
        raise UnavailableError(
            f"the query needs more memory than the engine may use: narrow it, or raise {raise_it}"
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
