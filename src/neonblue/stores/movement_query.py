"""What moved: units of two periods grouped by all their properties, and the days of one slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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

AMOUNTS = {"count": "count()", "users": "1", "sum": "ifNull(sum(value), 0)"}
AMOUNTS_IF = {
    "count": "countIf({within})",
    "users": "max({within})",
    "sum": "ifNull(sumIf(value, {within}), 0)",
}
NO_EXPERIMENTS = "empty({experiments:Array(String)})"
EVENTS = f"""{BEHAVIOUR} AND event_type = {{event:String}}
      AND NOT endsWith(event_type, {{marker:String}})
      AND ({NO_EXPERIMENTS} OR experiment_id IN {{experiments:Array(String)}})"""
EXPERIMENT = "experiment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Periods:
    """Two spans of time in UTC, each half-open."""

    before_since: datetime
    before_until: datetime
    since: datetime
    until: datetime

    @property
    def length_ratio(self) -> float:
        """How long the period now is in lengths of the one before."""
        return (self.until - self.since) / (self.before_until - self.before_since)


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementQuery:
    """A measure (``count``, ``users`` or ``sum``) of one event type in two periods.

    ``properties`` are what units are grouped by, each with the values that count; any other value
    is ''. ``experiment`` among them is the experiment of the events.
    """

    measure: str
    event_type: str
    periods: Periods
    properties: Mapping[str, Sequence[str]]
    filters: tuple[PropertyIs, ...] = ()
    experiments: tuple[str, ...] = ()


def compiled_cells(query: MovementQuery) -> tuple[str, Mapping[str, Any]]:
    """Columns: one a property, then the five sums of ``stats.movement.Cells`` in its order."""
    columns = [f"p{n}" for n in range(len(query.properties))]
    values = [
        f"if({_value(query, n)} IN {{values{n}:Array(String)}}, {_value(query, n)}, '') AS p{n}"
        for n in range(len(query.properties))
    ]
    early, late = _within("before_since_ms", "before_until_ms"), _within("since_ms", "until_ms")
    amount = AMOUNTS_IF[query.measure]
    sql = f"""
SELECT {", ".join(values)},
       sum(early), sum(late), sum(early * early), sum(late * late), sum(early * late)
FROM (
    SELECT user_id, toString(experiment_id) AS experiment,
           toFloat64({amount.format(within=early)}) AS early,
           toFloat64({amount.format(within=late)}) AS late
    FROM events FINAL WHERE {EVENTS} AND ({early} OR {late})
    GROUP BY user_id, experiment
) AS amounts LEFT JOIN ({_units(query)}) AS users USING (user_id)
WHERE {_matching(query)}
GROUP BY {", ".join(columns)}"""
    return sql.strip(), _parameters(query)


def compiled_days(
    query: MovementQuery, chosen: Mapping[str, str], since: datetime
) -> tuple[str, Mapping[str, Any]]:
    """Columns: day, the amount of the chosen slice, that of all, and its squares over units.

    ``chosen`` maps properties to values; none is all. Days are from ``since`` to the end.
    """
    query = replace(query, properties={name: (value,) for name, value in chosen.items()})
    inside = [f"{_value(query, n)} = {{chosen{n}:String}}" for n in range(len(chosen))]
    sql = f"""
SELECT toString(day), sumIf(amount, {" AND ".join(inside) or "1"}), sum(amount),
       sum(amount * amount)
FROM (
    SELECT user_id, toString(experiment_id) AS experiment, toDate(timestamp) AS day,
           toFloat64({AMOUNTS[query.measure]}) AS amount
    FROM events FINAL WHERE {EVENTS} AND {_within("from_ms", "until_ms")}
    GROUP BY user_id, experiment, day
) AS amounts LEFT JOIN ({_units(query)}) AS users USING (user_id)
WHERE {_matching(query)}
GROUP BY day ORDER BY day"""
    bound = {f"chosen{n}": value for n, value in enumerate(chosen.values())}
    return sql.strip(), _parameters(query) | bound | {"from_ms": _ms(since)}


def _units(query: MovementQuery) -> str:
    """Each unit's first value of the properties; the experiment is the events' own."""
    held = [
        f"{first_value(f'name{n}')} AS held{n}"
        for n, name in enumerate(query.properties)
        if name != EXPERIMENT
    ]
    columns = ", ".join(["user_id", *held, *filter_columns(query.filters)])
    return f"SELECT {columns} FROM events GROUP BY user_id"


def _matching(query: MovementQuery) -> str:
    return " AND ".join(filter_conditions(query.filters)) or "1"


def _value(query: MovementQuery, number: int) -> str:
    name = list(query.properties)[number]
    return "experiment" if name == EXPERIMENT else f"held{number}"


def _within(begin: str, end: str) -> str:
    return (
        f"(toUnixTimestamp64Milli(timestamp) >= {{{begin}:Int64}}"
        f" AND toUnixTimestamp64Milli(timestamp) < {{{end}:Int64}})"
    )


def _parameters(query: MovementQuery) -> dict[str, Any]:
    periods = query.periods
    parameters: dict[str, Any] = {
        "event": query.event_type,
        "marker": SUFFIX,
        "experiments": list(query.experiments),
        "before_since_ms": _ms(periods.before_since),
        "before_until_ms": _ms(periods.before_until),
        "since_ms": _ms(periods.since),
        "until_ms": _ms(periods.until),
    }
    for number, (name, values) in enumerate(query.properties.items()):
        parameters |= {f"name{number}": name, f"values{number}": list(values)}
    return parameters | filter_parameters(query.filters)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
