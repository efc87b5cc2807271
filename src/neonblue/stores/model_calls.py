"""What language models were asked and what it cost; no prompt and no answer is kept."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from datetime import date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neonblue.stores.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCallRow:
    """One call. ``prompt`` is a name with its version; ``input_tokens`` are all that were read,
    cached ones and those written to the cache among them; ``cost_usd`` is the most it can have
    cost unless ``exact``."""

    call_id: str
    tool: str
    prompt: str
    provider: str
    model: str
    resolved_model: str
    outcome: str
    input_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    output_tokens: int
    latency_ms: float
    cost_usd: float
    exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpending:
    """Calls of one day (UTC) to one model; ``answered`` ended well, ``exact`` were counted."""

    day: date
    model: str
    calls: int
    answered: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_usd: float
    exact: int


COLUMNS = tuple(field.name for field in fields(ModelCallRow))


class ModelCalls:
    """Append-only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, call: ModelCallRow) -> None:
        """Record one call; its time is now."""
        self._database.insert_rows("model_calls", list(COLUMNS), [list(astuple(call))])

    def spent_since(self, since: datetime) -> float:
        """US dollars since a time (UTC)."""
        row = self._database.row(
            "SELECT sum(cost_usd) FROM model_calls "
            "WHERE toUnixTimestamp64Milli(called_at) >= {since_ms:Int64}",
            {"since_ms": round(since.timestamp() * 1000)},
        )
        return 0.0 if row is None else float(row[0])

    def by_day(self, since: datetime) -> tuple[ModelSpending, ...]:
        """What was asked and spent since a time (UTC), by day and model, the latest day first."""
        rows = self._database.rows(
            """
            SELECT toDate(called_at, 'UTC') AS day, concat(provider, ':', model) AS asked, count(),
                   countIf(outcome = 'ok'), sum(input_tokens), sum(cached_tokens),
                   sum(output_tokens), sum(cost_usd), countIf(exact)
            FROM model_calls WHERE toUnixTimestamp64Milli(called_at) >= {since_ms:Int64}
            GROUP BY day, asked ORDER BY day DESC, asked
            """,
            {"since_ms": round(since.timestamp() * 1000)},
        )
        names = tuple(field.name for field in fields(ModelSpending))
        return tuple(ModelSpending(**dict(zip(names, row, strict=True))) for row in rows)

    def newest(self, *, limit: int = 100) -> tuple[ModelCallRow, ...]:
        """The newest calls, newest first."""
        rows = self._database.rows(
            f"SELECT {', '.join(COLUMNS)} FROM model_calls ORDER BY called_at DESC "
            "LIMIT {limit:UInt32}",
            {"limit": limit},
        )
        return tuple(
            ModelCallRow(**dict(zip(COLUMNS, (*row[:-1], bool(row[-1])), strict=True)))
            for row in rows
        )
