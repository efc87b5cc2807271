"""Statements from outside, after they were checked: parsed by the engine, run so that they read.

In chDB a handle of its own gets limits and then ``readonly=1``, which nothing undoes; one that
failed is thrown away, because its next query would begin with the rows of the failed one. A server
gets the same settings with each request.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Any

from neonblue.errors import InvalidInputError, UnavailableError
from neonblue.models.outside_text import heard
from neonblue.stores.database import Row, translated

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from neonblue.stores.database import Database

TREE_FORMAT = "TabSeparatedRaw"
READONLY = 164
LIMIT_CODES = {
    158: "reads more rows than it may",
    159: "takes longer than it may",
    160: "would take longer than it may",
    241: "needs more memory than it may",
    307: "reads more bytes than it may",
    396: "answers with more than it may",
    191: "makes a set that is larger than it may be",
}
KEPT_HANDLES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one statement may cost; ``result_rows`` ends it there without an error."""

    seconds: int = 10
    rows_read: int = 500_000_000
    bytes_read: int = 50_000_000_000
    memory_bytes: int = 2_000_000_000
    result_rows: int = 10_000
    result_bytes: int = 20_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadResult:
    """Columns with their types, rows, and how long it took."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[Row, ...]
    elapsed_ms: float


class ReadOnlySql:
    """Runs checked statements with limits, on handles that can only read."""

    def __init__(self, database: Database, limits: Limits | None = None) -> None:
        self._database = database
        self.limits = limits or Limits()
        self._free: list[Client] = []
        self._guard = Lock()
        self._settings: dict[str, Any] | None = None

    def tree(self, statement: str) -> list[str]:
        """The engine's syntax tree of one statement, a line a node; nothing of it is run.

        A text with a semicolon goes through the engine's formatter first, which takes one
        statement alone: in chDB a second one would be run. Raises ``InvalidInputError`` for what
        it cannot parse.
        """
        with self._handle() as client, _told():
            if ";" in statement:
                statement = str(
                    client.query(
                        "SELECT formatQuerySingleLine({q:String})", parameters={"q": statement}
                    ).result_rows[0][0]
                )
            answer = client.raw_query(
                f"EXPLAIN AST {statement}", fmt=TREE_FORMAT, settings=self._per_query()
            )
        return _tree_lines(answer.decode(errors="replace"))

    def rows_to_read(self, sql: str, parameters: Mapping[str, Any]) -> int:
        """How many rows of stored tables the engine expects to read."""
        result = self._query(f"EXPLAIN ESTIMATE {sql}", parameters)
        column = result.columns.index("rows") if "rows" in result.columns else None
        return sum(int(row[column]) for row in result.rows) if column is not None else 0

    def run(self, sql: str, parameters: Mapping[str, Any]) -> ReadResult:
        """Its rows, at most about ``result_rows``; ``InvalidInputError`` when it fails."""
        result = self._query(sql, parameters)
        if not result.columns:  # chDB answers nothing at all where there are no rows
            described = self._query(f"DESCRIBE TABLE ({sql})", parameters)
            names = tuple(str(row[0]) for row in described.rows)
            types = tuple(str(row[1]) for row in described.rows)
            result = replace(result, columns=names, types=types)
        heard(list(result.rows))
        return result

    def close(self) -> None:
        """Close what was opened."""
        with self._guard:
            free, self._free = self._free, []
        for client in free:
            client.close()

    def _query(self, sql: str, parameters: Mapping[str, Any]) -> ReadResult:
        began = time.perf_counter()
        with self._handle() as client, _told():
            result = client.query(
                sql,
                parameters=dict(parameters) or None,
                settings=self._per_query(),
                tz_mode="aware",
            )
            rows = tuple(tuple(row) for row in result.result_rows)
        return ReadResult(
            columns=tuple(result.column_names),
            types=tuple(kind.name for kind in result.column_types),
            rows=rows,
            elapsed_ms=1000 * (time.perf_counter() - began),
        )

    @contextmanager
    def _handle(self) -> Iterator[Client]:
        with self._guard:
            client = self._free.pop() if self._free else None
        client = client or self._open()
        try:
            with translated(self._database.name):
                yield client
        except BaseException:
            # After a failure, also a cancellation, rows of it may come with the next query.
            client.close()
            raise
        with self._guard:
            if len(self._free) < KEPT_HANDLES:
                self._free.append(client)
                return
        client.close()

    def _open(self) -> Client:
        client = self._database.separate_client()
        if self._database.embedded:
            for name, value in self._limits().items():
                client.command(f"SET {name} = {_literal(value)}")
            client.command("SET readonly = 1")
        return client

    def _per_query(self) -> dict[str, Any] | None:
        """A server's settings, ``readonly`` last: it freezes those before it."""
        if self._database.embedded:
            return None
        if self._settings is None:
            self._settings = self._servers_settings()
        return self._settings

    def _servers_settings(self) -> dict[str, Any]:
        mode = self._database.row("SELECT value FROM system.settings WHERE name = 'readonly'")
        already = mode is not None and str(mode[0]) != "0"
        return self._limits() if already else {**self._limits(), "readonly": 1}

    def _limits(self) -> dict[str, Any]:
        limits = self.limits
        return {
            "max_execution_time": limits.seconds,
            "max_rows_to_read": limits.rows_read,
            "max_bytes_to_read": limits.bytes_read,
            "max_memory_usage": limits.memory_bytes,
            "max_result_rows": limits.result_rows,
            "max_result_bytes": limits.result_bytes,
            "result_overflow_mode": "break",
            "max_rows_in_set": 10_000_000,
            "max_columns_to_read": 100,
            "max_subquery_depth": 50,
            "max_ast_depth": 500,
            "max_ast_elements": 10_000,
        }


def _literal(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)


def _tree_lines(text: str) -> list[str]:
    """Lines of the tree without the format that the driver put behind the statement."""
    lines = text.rstrip("\n").split("\n")
    if lines and lines[-1] == f" Identifier {TREE_FORMAT}":
        lines.pop()
    return lines


@contextmanager
def _told() -> Iterator[None]:
    """What the engine says of a statement is said to whoever wrote it."""
    from clickhouse_connect.driver.exceptions import DatabaseError

    try:
        yield
    except DatabaseError as error:
        if error.code == READONLY:
            raise UnavailableError(
                "ClickHouse does not let this user set limits for a statement: give the user "
                "readonly=0 or 2, then ask again"
            ) from error
        if error.code in LIMIT_CODES:
            raise InvalidInputError(
                f"the statement {LIMIT_CODES[error.code]}: narrow it by experiment_id or "
                "timestamp, or aggregate more"
            ) from error
        if error.code is None or error.code in _ENGINES_OWN:
            raise
        raise InvalidInputError(_said(str(error))) from error


_ENGINES_OWN = frozenset({99, 202, 209, 210, 236, 243, 252, 999})


def _said(message: str) -> str:
    import re

    text = message.partition("DB::Exception: ")[2] or message
    text = re.sub(r"\b(visible|own)_", "", text.splitlines()[0])
    text = re.split(r"[.:] In scope | In scope |\. Expected one of|: while executing", text)[0]
    text = text[:300].rstrip(". ")
    return f"ClickHouse cannot run the statement: {text}. Correct it, then ask again"
