"""Counts, shares, sums and means of events: SQL compiled from a typed query, values bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from neonblue.stores.events import BEHAVIOUR
from neonblue.stores.missing_values import SUFFIX

FOREVER_MS = 4_102_444_800_000
GRAINS = {
    "hour": "toStartOfHour(timestamp)",
    "day": "toDate(timestamp)",
    "week": "toStartOfWeek(timestamp, 1)",
    "month": "toStartOfMonth(timestamp)",
}
IS_EVENT = "({event:String} = '' OR event_type = {event:String})"
IS_OF = "({of:String} = '' OR event_type = {of:String})"
MEASURES = {
    "count": f"countIf({IS_EVENT})",
    "users": f"uniqExactIf(user_id, {IS_EVENT})",
    "sum": f"sumIf(value, {IS_EVENT})",
    "average": f"avgIf(value, {IS_EVENT})",
    "rate": f"uniqExactIf(user_id, {IS_EVENT}) / uniqExactIf(user_id, {IS_OF})",
    "per_user": f"sumIf(value, {IS_EVENT}) / uniqExactIf(user_id, {IS_OF})",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureQuery:
    """One measure over events. ``filters`` are (property, value) of a user's first value.

    ``breakdown`` is '', ``experiment``, ``event_type`` or a property; ``without`` are event types
    that are passed over. Times are UTC, half-open.
    """

    measure: str
    event_type: str = ""
    of_event: str = ""
    experiments: tuple[str, ...] = ()
    filters: tuple[tuple[str, str], ...] = ()
    breakdown: str = ""
    without: tuple[str, ...] = ()
    grain: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    ascending: bool = False
    limit: int = 50


def compiled(query: MeasureQuery) -> tuple[str, Mapping[str, Any]]:
    """SQL with its parameters: columns ``period``, ``slice``, ``value``, as far as asked for."""
    parts = []
    if query.grain:
        parts.append(("period", f"toString({GRAINS[query.grain]})"))
    if query.breakdown:
        parts.append(("slice", _slice(query.breakdown)))
    chosen = ", ".join([f"{sql} AS {name}" for name, sql in parts])
    grouped = ", ".join(name for name, _ in parts)
    direction = "ASC" if query.ascending else "DESC"
    order = "period" if query.grain else f"metric {direction}, slice"
    sql = f"""
SELECT {chosen}{", " if chosen else ""}{MEASURES[query.measure]} AS metric
FROM events FINAL{_users(query)}
WHERE {BEHAVIOUR} AND NOT endsWith(event_type, {{marker:String}})
  AND NOT has({{without:Array(String)}}, event_type)
  AND toUnixTimestamp64Milli(timestamp) >= {{since_ms:Int64}}
  AND toUnixTimestamp64Milli(timestamp) < {{until_ms:Int64}}
  AND (empty({{experiments:Array(String)}}) OR experiment_id IN {{experiments:Array(String)}})"""
    if grouped:
        sql += f"\nGROUP BY {grouped} HAVING isFinite(metric) AND {_counts(query)}"
        sql += f"\nORDER BY {order}\nLIMIT {{limit:UInt32}}"
    return sql.strip(), _parameters(query)


def _counts(query: MeasureQuery) -> str:
    return "metric > 0" if query.measure in ("count", "users") else "1"


def _slice(breakdown: str) -> str:
    if breakdown == "experiment":
        return "toString(experiment_id)"
    return "toString(event_type)" if breakdown == "event_type" else "broken_down"


def _users(query: MeasureQuery) -> str:
    """Each user's first value of the properties that are asked for."""
    by_property = query.breakdown not in ("", "experiment", "event_type")
    if not by_property and not query.filters:
        return ""
    columns = [
        f"argMinIf(properties[{{name{n}:String}}], timestamp, properties[{{name{n}:String}}] != '')"
        f" AS filtered{n}"
        for n in range(len(query.filters))
    ]
    if by_property:
        columns.append(
            "argMinIf(properties[{by:String}], timestamp, properties[{by:String}] != '')"
            " AS broken_down"
        )
    conditions = [f"filtered{n} = {{value{n}:String}}" for n in range(len(query.filters))]
    conditions += ["broken_down != ''"] if by_property else []
    return f"""
INNER JOIN (
    SELECT user_id, {", ".join(columns)} FROM events
    GROUP BY user_id HAVING {" AND ".join(conditions)}
) AS users USING (user_id)"""


def _parameters(query: MeasureQuery) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "event": query.event_type,
        "of": query.of_event,
        "experiments": list(query.experiments),
        "since_ms": round(query.since.timestamp() * 1000) if query.since else -FOREVER_MS,
        "until_ms": round(query.until.timestamp() * 1000) if query.until else FOREVER_MS,
        "by": query.breakdown,
        "without": list(query.without),
        "limit": query.limit,
        "marker": SUFFIX,
    }
    for number, (name, value) in enumerate(query.filters):
        parameters |= {f"name{number}": name, f"value{number}": value}
    return parameters
