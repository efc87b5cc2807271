"""The forecast log: appended before an experiment, resolved after it, never edited.

Each row carries a hash over its content and the row before, so a change made behind our back
breaks the chain and ``broken_at`` says where.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from neonblue.stores.database import Database

Outcome = Literal["success", "failure", "neutral"]


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
class LoggedForecast:
    """A forecast and, once the experiment has ended, its outcome."""

    record: ForecastRecord
    outcome: ForecastOutcome | None


FIELDS = tuple(field.name for field in fields(ForecastRecord))


class Forecasts:
    """Append-only: there is no way to change or remove a forecast or an outcome."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, record: ForecastRecord) -> ForecastRecord:
        """Log a forecast; the same id again changes nothing and returns what was logged."""
        with self._database.writing():
            for known in self.all():
                if known.record.forecast_id == record.forecast_id:
                    return known.record
            sequence, previous = self._last()
            self._insert(record, sequence + 1, previous)
            return record

    def resolve(self, outcome: ForecastOutcome) -> bool:
        """Log how it ended; False when it was resolved before (the first outcome stands)."""
        with self._database.writing():
            known = self._database.row(
                "SELECT 1 FROM forecast_outcomes WHERE forecast_id = {id:String}",
                {"id": outcome.forecast_id},
            )
            if known is not None:
                return False
            self._database.insert_rows(
                "forecast_outcomes",
                ["forecast_id", "outcome", "relative_lift", "decision"],
                [
                    [
                        outcome.forecast_id,
                        outcome.outcome,
                        outcome.relative_lift,
                        outcome.decision,
                    ]
                ],
            )
            return True

    def all(self) -> list[LoggedForecast]:
        """Every forecast in the order it was made, with its outcome if there is one."""
        outcomes = {
            row[0]: ForecastOutcome(
                forecast_id=row[0], outcome=row[1], relative_lift=row[2], decision=row[3]
            )
            for row in self._database.rows(
                """
                SELECT forecast_id, argMin(outcome, resolved_at),
                       argMin(tuple(relative_lift), resolved_at).1, argMin(decision, resolved_at)
                FROM forecast_outcomes GROUP BY forecast_id
                """
            )
        }
        return [
            LoggedForecast(record=record, outcome=outcomes.get(record.forecast_id))
            for record, _, _ in self._rows()
        ]

    def open(self) -> list[ForecastRecord]:
        """Forecasts that wait for their experiment to end."""
        return [logged.record for logged in self.all() if logged.outcome is None]

    def broken_at(self) -> str | None:
        """The id of the first forecast whose content or order was changed, if any was."""
        expected = ""
        for record, previous, digest in self._rows():
            if previous != expected or digest != _digest(record, previous):
                return record.forecast_id
            expected = digest
        return None

    def _rows(self) -> list[tuple[ForecastRecord, str, str]]:
        rows = self._database.rows(
            f"SELECT {', '.join(FIELDS)}, previous_hash, hash FROM forecasts ORDER BY sequence"
        )
        return [(_record(row[: len(FIELDS)]), row[-2], row[-1]) for row in rows]

    def _last(self) -> tuple[int, str]:
        row = self._database.row("SELECT max(sequence), argMax(hash, sequence) FROM forecasts")
        return (int(row[0]), row[1]) if row else (0, "")

    def _insert(self, record: ForecastRecord, sequence: int, previous: str) -> None:
        values = [getattr(record, field) for field in FIELDS]
        values[FIELDS.index("evidence")] = list(record.evidence)
        self._database.insert_rows(
            "forecasts",
            [*FIELDS, "sequence", "previous_hash", "hash"],
            [[*values, sequence, previous, _digest(record, previous)]],
        )


def _record(values: Sequence[Any]) -> ForecastRecord:
    named = dict(zip(FIELDS, values, strict=True))
    named["evidence"] = tuple(named["evidence"])
    return ForecastRecord(**named)


def _digest(record: ForecastRecord, previous: str) -> str:
    content = {**asdict(record), "made_at": int(record.made_at.timestamp() * 1_000_000)}
    text = json.dumps([previous, content], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
