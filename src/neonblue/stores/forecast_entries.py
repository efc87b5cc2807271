"""Forecasts and outcomes as rows and as entries of the log's chains, in both encodings.

Version 1 chained forecasts alone, over JSON as Python wrote it; version 2 has outcomes too, over
canonical JSON. What was logged in version 1 still verifies as such.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

from neonblue.stores.chained_log import microseconds
from neonblue.stores.hash_chain import FIRST_FORECASTS, FIRST_OUTCOMES, Link, entry_digest

Outcome = Literal["success", "failure", "neutral"]
KEPT_DIGESTS = 4096
"""Digests kept in memory, 0.5 ms each: the log is verified with every forecast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastRecord:
    """What was said about an experiment before it began. Lifts are fractions.

    ``base_*`` are the organisation's outcome rates at that time: what skill is measured against.
    ``evidence`` names the past experiments that it rests on; ``plan`` is the request as JSON.
    """

    forecast_id: str
    experiment_id: str
    model_version: str
    success: float
    failure: float
    neutral: float
    expected_lift: float
    lift_lower: float
    lift_upper: float
    interval_level: float
    base_success: float
    base_failure: float
    base_neutral: float
    evidence: tuple[str, ...]
    plan: str
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastOutcome:
    """How the experiment ended; the lift is None when there was nothing to estimate."""

    forecast_id: str
    outcome: Outcome
    relative_lift: float | None
    decision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row of the log: a forecast or an outcome, and its place in a writer's chain."""

    content: ForecastRecord | ForecastOutcome
    logged_at: datetime
    version: int
    writer: str
    sequence: int
    previous: str
    stored: str

    @property
    def link(self) -> Link:
        """The entry as its chain sees it; outcomes of version 1 have a chain made up for them."""
        what = "forecast" if isinstance(self.content, ForecastRecord) else "the outcome of"
        return Link(
            writer=self.writer,
            sequence=self.sequence,
            previous=self.previous,
            stored=self.stored,
            computed=self.digest,
            at=microseconds(self.logged_at) if self.version > 1 else 0,
            label=f"{what} {self.content.forecast_id[:80]!r}",
        )

    @property
    def digest(self) -> str:
        """The hash that the content and the place give."""
        return _digest(self)


RECORD_FIELDS = tuple(field.name for field in fields(ForecastRecord))
OUTCOME_FIELDS = tuple(field.name for field in fields(ForecastOutcome))
CHAIN_COLUMNS = ("logged_at", "version", "writer", "sequence", "previous_hash", "hash")
OUTCOME_CHAIN_COLUMNS = ("resolved_at", *CHAIN_COLUMNS[1:])


def row_of(entry: Entry) -> tuple[str, list[str], list[Any]]:
    """The table, the columns and the values that keep an entry."""
    values = [getattr(entry.content, field.name) for field in fields(entry.content)]
    values = [list(value) if isinstance(value, tuple) else value for value in values]
    chain = [entry.logged_at, entry.version, entry.writer, entry.sequence, entry.previous]
    if isinstance(entry.content, ForecastRecord):
        table, columns = "forecasts", [*RECORD_FIELDS, *CHAIN_COLUMNS]
    else:
        table, columns = "forecast_outcomes", [*OUTCOME_FIELDS, *OUTCOME_CHAIN_COLUMNS]
    return table, columns, [*values, *chain, entry.stored]


def forecast_entry(row: Sequence[Any]) -> Entry:
    """The entry of a row of ``forecasts``, its columns as above."""
    named = dict(zip(RECORD_FIELDS, row, strict=False))
    named["evidence"] = tuple(named["evidence"])
    return _entry(ForecastRecord(**named), row[len(RECORD_FIELDS) :])


def outcome_entry(row: Sequence[Any]) -> Entry:
    """The entry of a row of ``forecast_outcomes``."""
    named = dict(zip(OUTCOME_FIELDS, row, strict=False))
    return _entry(ForecastOutcome(**named), row[len(OUTCOME_FIELDS) :])


def chained_first_outcomes(outcomes: Sequence[Entry]) -> list[Entry]:
    """Outcomes of version 1 in a chain made up for them, so that it shows when one changes."""
    chained: list[Entry] = []
    for number, entry in enumerate(outcomes, 1):
        before = chained[-1].stored if chained else ""
        placed = replace(entry, writer=FIRST_OUTCOMES, sequence=number, previous=before)
        chained.append(replace(placed, stored=placed.digest))
    return chained


def cleaned(text: str) -> str:
    """Text that UTF-8 can write: half a surrogate pair becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


def _entry(content: ForecastRecord | ForecastOutcome, chain: Sequence[Any]) -> Entry:
    logged_at, version, writer, sequence, previous, stored = chain
    return Entry(
        content=content,
        logged_at=logged_at,
        version=int(version),
        writer=writer if version > 1 else FIRST_FORECASTS,
        sequence=int(sequence),
        previous=previous,
        stored=stored,
    )


@lru_cache(maxsize=KEPT_DIGESTS)
def _digest(entry: Entry) -> str:
    if entry.version == 1 and isinstance(entry.content, ForecastRecord):
        return _first_digest(entry.content, entry.previous)
    return entry_digest(
        kind="forecast" if isinstance(entry.content, ForecastRecord) else "outcome",
        writer=entry.writer,
        sequence=entry.sequence,
        previous=entry.previous,
        at=microseconds(entry.logged_at),
        content=_plain(entry.content),
    )


def _plain(content: ForecastRecord | ForecastOutcome) -> dict[str, Any]:
    return {name: _plain_value(value) for name, value in asdict(content).items()}


def _plain_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return microseconds(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _first_digest(record: ForecastRecord, previous: str) -> str:
    content = {**asdict(record), "made_at": int(record.made_at.timestamp() * 1_000_000)}
    text = json.dumps([previous, content], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
