"""Who came back, and what comes next: questions about one user's events in their order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from neonblue.stores.events import BEHAVIOUR
from neonblue.stores.missing_values import SUFFIX
from neonblue.stores.property_filters import (
    PropertyIs,
    filter_columns,
    filter_conditions,
    filter_parameters,
    first_value,
)
from neonblue.stores.question_query import FOREVER_MS

NOTHING = "(nothing)"
NO_EXPERIMENTS = "empty({experiments:Array(String)})"
EVENTS = f"""{BEHAVIOUR} AND NOT endsWith(event_type, {{marker:String}})
      AND NOT has({{without:Array(String)}}, event_type)
      AND ({NO_EXPERIMENTS} OR experiment_id IN {{experiments:Array(String)}})"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose events: of experiments, of users by their first value of properties, in a time.

    ``without`` are event types that are passed over. Times are UTC, half-open.
    """

    experiments: tuple[str, ...] = ()
    filters: tuple[PropertyIs, ...] = ()
    breakdown: str = ""
    since: datetime | None = None
    until: datetime | None = None
    without: tuple[str, ...] = ()
    limit: int = 50


def compiled_retention(
    scope: Scope, *, day: int, now: datetime, weekly: bool
) -> tuple[str, Mapping[str, Any]]:
    """The share of users with an event on the UTC day that is ``day`` days after their first.

    Columns ``period`` (the Monday of the first day) or ``slice`` where asked for, ``users``,
    ``retained`` and ``metric``. Users whose day is not over yet are not counted; the time of the
    scope is that of the first day.
    """
    parts = []
    if weekly:
        parts.append(("period", "toString(toStartOfWeek(first_day, 1))"))
    if scope.breakdown:
        parts.append(("slice", "broken_down"))
    chosen = "".join(f"{sql} AS {name}, " for name, sql in parts)
    grouped = ", ".join(name for name, _ in parts)
    sql = f"""
SELECT {chosen}count() AS users, countIf(came_back) AS retained, retained / users AS metric
FROM (
    SELECT user_id, min(toDate(timestamp)) AS first_day,
           has(groupUniqArray(toDate(timestamp)), addDays(first_day, {{day:Int32}})) AS came_back
    FROM events FINAL WHERE {EVENTS}
    GROUP BY user_id
) AS days{_users(scope)}
WHERE addDays(first_day, {{day:Int32}}) < toDate(fromUnixTimestamp64Milli({{now_ms:Int64}}, 'UTC'))
  AND toUnixTimestamp(toDateTime(first_day, 'UTC')) * 1000 >= {{since_ms:Int64}}
  AND toUnixTimestamp(toDateTime(first_day, 'UTC')) * 1000 < {{until_ms:Int64}}"""
    if grouped:
        order = "period" if weekly else "metric DESC, slice"
        sql += f"\nGROUP BY {grouped} ORDER BY {order} LIMIT {{limit:UInt32}}"
    return sql.strip(), _parameters(scope) | {"day": day, "now_ms": round(now.timestamp() * 1000)}


def compiled_steps(
    scope: Scope, event_type: str, step: Literal["next", "previous"]
) -> tuple[str, Mapping[str, Any]]:
    """What stands next to each event of a type among its user's events, the commonest first.

    Columns ``slice`` (an event type, or ``(nothing)``), ``events`` and ``metric``, the share.
    Events of one moment are in the order of their types.
    """
    beside = "leadInFrame" if step == "next" else "lagInFrame"
    sql = f"""
SELECT if(beside = '', '{NOTHING}', beside) AS slice, count() AS events,
       count() / sum(count()) OVER () AS metric
FROM (
    SELECT user_id, timestamp, toString(event_type) AS kind,
           {beside}(toString(event_type), 1, '') OVER (
               PARTITION BY user_id ORDER BY timestamp, toString(event_type)
               ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
           ) AS beside
    FROM events FINAL WHERE {EVENTS}
) AS steps{_users(scope)}
WHERE kind = {{event:String}}
  AND toUnixTimestamp64Milli(timestamp) >= {{since_ms:Int64}}
  AND toUnixTimestamp64Milli(timestamp) < {{until_ms:Int64}}
GROUP BY slice ORDER BY events DESC, slice LIMIT {{limit:UInt32}}"""
    return sql.strip(), _parameters(scope) | {"event": event_type}


def _users(scope: Scope) -> str:
    """Each user's first value of the properties that are asked for."""
    if not scope.filters and not scope.breakdown:
        return ""
    columns = filter_columns(scope.filters)
    conditions = filter_conditions(scope.filters)
    if scope.breakdown:
        columns.append(f"{first_value('by')} AS broken_down")
        conditions.append("broken_down != ''")
    return f"""
INNER JOIN (
    SELECT user_id, {", ".join(columns)} FROM events
    GROUP BY user_id HAVING {" AND ".join(conditions)}
) AS users USING (user_id)"""


def _parameters(scope: Scope) -> dict[str, Any]:
    return filter_parameters(scope.filters) | {
        "experiments": list(scope.experiments),
        "since_ms": round(scope.since.timestamp() * 1000) if scope.since else -FOREVER_MS,
        "until_ms": round(scope.until.timestamp() * 1000) if scope.until else FOREVER_MS,
        "without": list(scope.without),
        "by": scope.breakdown,
        "limit": scope.limit,
        "marker": SUFFIX,
    }
