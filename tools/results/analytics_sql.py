"""The answer of run_analytics_sql."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from neonblue.tools.results.figure import SIGNIFICANT_DIGITS, Answer

if TYPE_CHECKING:
    from neonblue.query.raw_sql import RawResult
    from neonblue.query.telling import Hidden


class SqlColumn(Answer):
    """A column and its type in ClickHouse."""

    name: str
    type: str


class SqlProvenance(Answer):
    """What the rows rest on; ``looks_recorded_for`` are experiments shown by variant."""

    tables: list[str]
    estimated_rows_read: int
    elapsed_ms: float
    looks_recorded_for: list[str]
    hidden: str


class SqlAnswer(Answer):
    """A page of rows; ``complete`` is false when the 10,000-row cap cut the result."""

    columns: list[SqlColumn]
    next_cursor: str | None
    complete: bool
    provenance: SqlProvenance
    rows: list[list[Any]]


def sql_answer(result: RawResult) -> SqlAnswer:
    """The page as an answer."""
    return SqlAnswer(
        columns=[
            SqlColumn(name=name, type=kind)
            for name, kind in zip(result.columns, result.types, strict=True)
        ],
        next_cursor=result.next_cursor,
        complete=result.complete,
        provenance=SqlProvenance(
            tables=list(result.tables),
            estimated_rows_read=result.estimated_rows,
            elapsed_ms=round(result.elapsed_ms, 1),
            looks_recorded_for=list(result.by_variant_of),
            hidden=_hidden(result.hidden),
        ),
        rows=[[plain(value) for value in row] for row in result.rows],
    )


def plain(value: Any) -> Any:
    """A value of ClickHouse as JSON carries it."""
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}") if math.isfinite(value) else None
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, Iterable):
        return [plain(one) for one in value]
    return str(value)


def _hidden(hidden: Hidden) -> str:
    if not hidden.watched:
        return ""
    parts = ["variants of experiments that still run"]
    if hidden.properties:
        parts.append(f"properties that may tell them: {', '.join(hidden.properties)}")
    if hidden.concealed:
        parts.append(f"events that one variant alone has: {', '.join(hidden.concealed)}")
    if hidden.silent:
        parts.append(f"values of {', '.join(hidden.silent)}")
    return "; ".join(parts)
