"""Counts, shares, sums and means of events: SQL compiled from a typed query, values bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from neonblue.stores.events import BEHAVIOUR
from neonblue.stores.missing_values import SUFFIX
from neonblue.stores.property_filters import (
    PropertyIs,
    filter_columns,
    filter_conditions,
    filter_parameters,
    first_value,
)

FOREVER_MS = 4_102_444_800_000
GRAINS = {
    "hour": "toStartOfHour(timestamp)",
    "day": "toDate(timestamp)",
    "week": "toStartOfWeek(timestamp, 1)",
    "month": "toStartOfMonth(timestamp)",
}
COMPARED = {"over": ">", "under": "<", "at_least": ">=", "at_most": "<="}
IS_NAMED = "({event:String} = '' OR event_type = {event:String})"
IS_OF = "({of:String} = '' OR event_type = {of:String})"
MEASURES = {
    "count": "countIf(@event)",
    "users": "uniqExactIf(user_id, @event)",
    "sum": "sumIf(value, @event)",
    "average": "avgIf(value, @event)",
    "median": "quantileExactInclusiveIf(0.5)(assumeNotNull(value), value IS NOT NULL AND @event)",
    "largest": "maxIf(value, @event)",
    "smallest": "minIf(value, @event)",
    "rate": f"uniqExactIf(user_id, @event) / uniqExactIf(user_id, {IS_OF})",
    "per_user": f"sumIf(value, @event) / uniqExactIf(user_id, {IS_OF})",
    "per_event": f"countIf(@event) / countIf({IS_OF})",
    "without": f"uniqExactIf(user_id, @event OR {IS_OF}) - uniqExactIf(user_id, @event)",
}
TOTALLED = frozenset({"count", "users", "sum"})
"""Measures of which a share of the whole can be taken, or a mean a day."""
NO_PROPERTY = frozenset({"", "experiment", "event_type"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureQuery:
    """One measure over events. ``filters`` are on a user's first value of properties.

    ``breakdown`` is '', ``experiment``, ``event_type`` or a property, ``then_by`` a property;
    ``without`` are event types that are passed over. ``values`` are conditions (a key of
    ``COMPARED``, number) on what is measured. With ``of_total`` and no
    breakdown, ``filters`` choose the part of the whole. ``periods`` divides the figure. Times are
    UTC, half-open.
    """

    measure: str
    event_type: str = ""
    of_event: str = ""
    experiments: tuple[str, ...] = ()
    filters: tuple[PropertyIs, ...] = ()
    breakdown: str = ""
    then_by: str = ""
    values: tuple[tuple[str, float], ...] = ()
    of_total: bool = False
    periods: float = 1.0
    without: tuple[str, ...] = ()
    grain: str | None = None
    ranked: bool = False
    since: datetime | None = None
    until: datetime | None = None
    ascending: bool = False
    limit: int = 50


def compiled(query: MeasureQuery) -> tuple[str, Mapping[str, Any]]:
    """SQL with its parameters: columns ``period``, ``slice``, ``slice_2``, ``metric`` as asked."""
    parts = _parts(query)
    chosen = "".join(f"{sql} AS {name}, " for name, sql in parts)
    sql = f"""
SELECT {chosen}{_figure(query)} AS metric
FROM events FINAL{_users(query)}
WHERE {BEHAVIOUR} AND NOT endsWith(event_type, {{marker:String}})
  AND NOT has({{without:Array(String)}}, event_type)
  AND toUnixTimestamp64Milli(timestamp) >= {{since_ms:Int64}}
  AND toUnixTimestamp64Milli(timestamp) < {{until_ms:Int64}}
  AND (empty({{experiments:Array(String)}}) OR experiment_id IN {{experiments:Array(String)}})"""
    if parts:
        sql += f"\nGROUP BY {', '.join(name for name, _ in parts)}"
        sql += "" if query.of_total else f" HAVING isFinite(metric) AND {_counts(query)}"
        sql += f"\nORDER BY {_order(query)}\nLIMIT {{limit:UInt32}}"
    return sql.strip(), _parameters(query)


def _parts(query: MeasureQuery) -> list[tuple[str, str]]:
    """The columns that rows are told apart by."""
    parts = []
    if query.grain:
        parts.append(("period", f"toString({GRAINS[query.grain]})"))
    if query.breakdown:
        parts.append(("slice", _slice(query.breakdown)))
    if query.then_by:
        parts.append(("slice_2", "then_broken_down"))
    return parts


def _figure(query: MeasureQuery) -> str:
    """The measure, over what is named and meets the conditions; of the whole, or a period."""
    conditions = [IS_NAMED]
    conditions += [
        f"value {COMPARED[compared]} {{bound{n}:Float64}}"
        for n, (compared, _) in enumerate(query.values)
    ]
    event = f"({' AND '.join(conditions)})"
    figure = MEASURES[query.measure].replace("@event", event)
    if _divided_by_filter(query):
        part = f"({event} AND {' AND '.join(filter_conditions(query.filters))})"
        return f"{MEASURES[query.measure].replace('@event', part)} / {figure}"
    if query.of_total:
        return f"{figure} / sum({figure}) OVER ()"
    return figure if query.periods == 1.0 else f"{figure} / {{periods:Float64}}"


def _divided_by_filter(query: MeasureQuery) -> bool:
    """Whether the filters say which part of the whole is meant, and not what the whole is."""
    return query.of_total and not query.breakdown and bool(query.filters)


def _order(query: MeasureQuery) -> str:
    direction = "ASC" if query.ascending else "DESC"
    names = [name for name, _ in _parts(query)]
    if query.grain and not query.ranked:
        return ", ".join(names)
    return ", ".join([f"metric {direction}", *names])


def _counts(query: MeasureQuery) -> str:
    counted = query.measure in ("count", "users", "without")
    return "metric > 0" if counted else "1"


def _slice(breakdown: str) -> str:
    if breakdown == "experiment":
        return "toString(experiment_id)"
    return "toString(event_type)" if breakdown == "event_type" else "broken_down"


def _users(query: MeasureQuery) -> str:
    """Each user's first value of the properties that are asked for."""
    columns = filter_columns(query.filters)
    conditions = [f"filtered{n} != ''" for n in range(len(query.filters))]
    if not _divided_by_filter(query):
        conditions = filter_conditions(query.filters)
    if query.breakdown not in NO_PROPERTY:
        columns.append(f"{first_value('by')} AS broken_down")
        conditions.append("broken_down != ''")
    if query.then_by:
        columns.append(f"{first_value('then_by')} AS then_broken_down")
        conditions.append("then_broken_down != ''")
    if not columns:
        return ""
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
        "then_by": query.then_by,
        "periods": query.periods,
        "without": list(query.without),
        "limit": query.limit,
        "marker": SUFFIX,
    }
    parameters |= filter_parameters(query.filters)
    return parameters | {f"bound{n}": bound for n, (_, bound) in enumerate(query.values)}
