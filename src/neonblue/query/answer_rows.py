"""Rows of answers, and the sentence that says what is in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neonblue.models import Experiment
from neonblue.models.lifecycle import FINISHED_STATUSES, WATCHED_STATUSES
from neonblue.query.plan import Plan

if TYPE_CHECKING:
    from neonblue.stores.read_only import ReadResult

Rows = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What running a plan gave: rows, a sentence over them, the SQL and what to do next."""

    rows: Rows
    sentence: str
    sql: str = ""
    advice: tuple[str, ...] = ()


def compared(rows: Rows, before: Rows) -> Rows:
    """Each row with the value of the period before, and the change as a fraction."""

    def key(row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(value for name, value in row.items() if name != "metric")

    earlier = {key(row): row["metric"] for row in before}
    found = []
    for row in rows:
        was = earlier.get(key(row), 0)
        change = (row["metric"] - was) / was if was else None
        found.append({**row, "before": was, "relative_change": change})
    return tuple(found)


def measured(plan: Plan, rows: Rows) -> str:
    """One sentence over the rows of a measure."""
    what = f"{plan.measure.replace('_', ' ')} of {plan.event_type or 'all events'}"
    if not rows:
        return f"there is nothing to show: no {plan.event_type or 'event'} in that time"
    if len(rows) == 1 and not plan.breakdown and not plan.grain:
        return f"{what}: {number(rows[0]['metric'])}{_change(rows[0])}"
    first = rows[0]
    named = first.get("slice", first.get("period"))
    return f"{what} in {len(rows)} rows, first {named}: {number(first['metric'])}"


def _change(row: Mapping[str, Any]) -> str:
    change = row.get("relative_change")
    return f", {change:+.1%} against the period before" if change is not None else ""


def number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1 else f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def stands(one: Experiment, plan: Plan) -> bool:
    """Whether an experiment stands, or started or ended then, as the plan asks."""
    if plan.standing == "running" and one.status not in WATCHED_STATUSES:
        return False
    if plan.standing in ("finished", "ended") and one.status not in FINISHED_STATUSES:
        return False
    if plan.since is None and plan.until is None:
        return True
    moment = one.ended_at if plan.standing in ("finished", "ended") else one.started_at
    if moment is None:
        return False
    return (plan.since is None or moment >= plan.since) and (
        plan.until is None or moment < plan.until
    )


def experiment_row(one: Experiment) -> dict[str, Any]:
    """What is listed of an experiment."""
    return {
        "experiment_id": one.experiment_id,
        "name": one.name,
        "status": one.status,
        "started_at": one.started_at,
        "ended_at": one.ended_at,
    }


def rows_of(result: ReadResult) -> Rows:
    """The rows of a read, by the names of the columns."""
    return tuple(dict(zip(result.columns, row, strict=True)) for row in result.rows)
