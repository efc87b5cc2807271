"""What moved: a measure in two periods, and the slices that changed otherwise than the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from neonblue.errors import InvalidInputError
from neonblue.query.answer_rows import Found, number
from neonblue.query.plan import Plan
from neonblue.stores.movement_query import (
    EXPERIMENT,
    MovementQuery,
    Periods,
    compiled_cells,
    compiled_days,
)

if TYPE_CHECKING:
    from neonblue.query.catalog import CatalogFacts
    from neonblue.query.telling import Hidden
    from neonblue.stats.movement import Cells, Moved
    from neonblue.stores import Store

MOST_PROPERTIES = 7
MOST_DISTINCT = 200
HISTORY = timedelta(days=14)
ALPHA = 0.05


def periods_of(plan: Plan, now: datetime) -> Periods:
    """The period of a plan and the one that it is compared with.

    ``InvalidInputError`` for a plan that says no time.
    """
    if plan.since is None:
        raise InvalidInputError("a comparison needs a period: say since when, as 'last week'")
    until = min(plan.until or now, now)
    since = plan.since
    if plan.compare_since is not None:
        before_until = min(plan.compare_until or since, now)
        return Periods(
            before_since=plan.compare_since, before_until=before_until, since=since, until=until
        )
    return Periods(
        before_since=since - (until - since), before_until=since, since=since, until=until
    )


def moved(store: Store, plan: Plan, catalog: CatalogFacts, signs: Hidden, now: datetime) -> Found:
    """What changed, where and since when; a change of everything alike names no slice."""
    from neonblue.stats.movement import what_moved

    query, sql, cells, values = _cells(store, plan, catalog, signs, now)
    ratio = query.periods.length_ratio
    if cells is None or not cells.before.sum() or not cells.now.sum():
        when = "now" if cells is not None and cells.before.sum() else "in the period before"
        return Found(
            rows=(),
            sql=sql,
            sentence=f"nothing can be compared: there is no {plan.event_type} {when}",
        )
    found = what_moved(cells, length_ratio=ratio)
    named = []
    for one in found.named:
        where = {
            values[column][0]: values[column][1][value]
            for column, value in zip(one.slice.columns, one.slice.values, strict=True)
        }
        row = _confirmed(store, query, one, where)
        if row is not None:
            named.append(row)
    total = _total(store, query, cells)
    names = [name for name, _ in values]
    return Found(
        rows=(total, *named), sql=sql, sentence=_sentence(plan, query, total, named, names)
    )


def _cells(
    store: Store, plan: Plan, catalog: CatalogFacts, signs: Hidden, now: datetime
) -> tuple[MovementQuery, str, Cells | None, list[tuple[str, Sequence[str]]]]:
    """The units of both periods by their properties; fewer properties where they are too many."""
    properties = _properties(store, plan, catalog, signs)
    while True:
        query = MovementQuery(
            measure=plan.measure,
            event_type=plan.event_type,
            periods=periods_of(plan, now),
            properties=properties,
            filters=tuple(one.as_stored() for one in plan.filters),
            experiments=plan.experiments,
        )
        sql, parameters = compiled_cells(query)
        rows = store.read_only.run(sql, parameters).rows
        if len(rows) < store.read_only.limits.result_rows:
            break
        widest = max(properties, key=lambda name: len(properties[name]))
        properties = {name: of for name, of in properties.items() if name != widest}
    listed = list(properties.items())
    return query, sql, _grouped(rows, listed), listed


def _properties(
    store: Store, plan: Plan, catalog: CatalogFacts, signs: Hidden
) -> dict[str, Sequence[str]]:
    """What units are sliced by, with the commonest values; nothing that tells a running variant."""
    fixed = {one.name for one in plan.filters}
    found: dict[str, Sequence[str]] = {}
    if len(plan.experiments) != 1:
        found[EXPERIMENT] = tuple(sorted(store.variant_signs.experiments()))[:MOST_DISTINCT]
    for one in catalog.properties:
        if one.name in fixed or one.name in signs.properties or one.name == EXPERIMENT:
            continue
        if 2 <= one.distinct_values <= MOST_DISTINCT and len(found) < MOST_PROPERTIES:
            found[one.name] = one.values
    named = [name for name in found if name != EXPERIMENT]
    for pair in sorted(signs.telling_pairs(store, [*named, *sorted(fixed)])):
        found.pop(next((name for name in reversed(pair) if name in found), ""), None)
    return found


def _grouped(
    rows: Sequence[Sequence[Any]], listed: Sequence[tuple[str, Sequence[str]]]
) -> Cells | None:
    import numpy as np

    from neonblue.stats.movement import Cells

    if not rows:
        return None
    width = len(listed)
    index = [{value: at for at, value in enumerate(values)} for _, values in listed]
    codes = [[index[at].get(row[at], -1) for at in range(width)] for row in rows]
    sums = np.asarray([row[width:] for row in rows], dtype=float)
    return Cells(
        codes=np.asarray(codes, dtype=np.int64).reshape(len(rows), width),
        before=sums[:, 0],
        now=sums[:, 1],
        before_squared=sums[:, 2],
        now_squared=sums[:, 3],
        product=sums[:, 4],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Days:
    """Amounts of days: of a slice, of all, and the mean square of a unit by its mean."""

    names: tuple[str, ...]
    part: Any
    whole: Any
    per_unit: float


def _days(store: Store, query: MovementQuery, where: Mapping[str, str], since: datetime) -> _Days:
    import numpy as np

    sql, parameters = compiled_days(query, where, since)
    rows = store.read_only.run(sql, parameters).rows
    of = {str(row[0]): [float(value) for value in row[1:]] for row in rows}
    first, last = since.astimezone(UTC).date(), query.periods.until.astimezone(UTC).date()
    names = [str(first + timedelta(days=at)) for at in range((last - first).days + 1)]
    table = np.asarray([of.get(name, [0.0, 0.0, 0.0]) for name in names])
    total = table[:, 1].sum()
    return _Days(
        names=tuple(names),
        part=table[:, 0],
        whole=table[:, 1],
        per_unit=float(table[:, 2].sum() / total) if total else 1.0,
    )


def _confirmed(
    store: Store, query: MovementQuery, one: Moved, where: Mapping[str, str]
) -> dict[str, Any] | None:
    """The row of a slice, where its change is beyond what its share does from day to day."""
    from neonblue.stats.movement import change_point, day_dispersion, dispersed

    begin = query.periods.before_since
    history = _days(store, query, where, begin - HISTORY)
    dispersion = day_dispersion(history.part, history.whole, per_unit=history.per_unit)
    p_value = dispersed(one, dispersion)
    if p_value > ALPHA:
        return None
    kept = [at for at, name in enumerate(history.names) if name >= str(begin.date())]
    since = change_point(history.part[kept], history.whole[kept])
    expected = one.before * query.periods.length_ratio
    return {
        "slice": " and ".join(f"{name} = {value}" for name, value in where.items()),
        "metric": _amount(query, one.now),
        "before": _amount(query, one.before),
        "relative_change": (one.now - expected) / expected if expected else None,
        "contribution": one.contribution,
        "p_value": p_value,
        "since": history.names[kept[since]],
    }


def _total(store: Store, query: MovementQuery, cells: Cells) -> dict[str, Any]:
    from neonblue.stats.movement import total_dispersion, total_p_value

    history = _days(store, query, {}, query.periods.before_since - HISTORY)
    dispersion = total_dispersion(history.whole[:-1], per_unit=history.per_unit)
    ratio = query.periods.length_ratio
    now, expected = float(cells.now.sum()), ratio * float(cells.before.sum())
    return {
        "slice": "all",
        "metric": _amount(query, now),
        "before": _amount(query, float(cells.before.sum())),
        "relative_change": (now - expected) / expected if expected else None,
        "contribution": 1.0,
        "p_value": total_p_value(cells, length_ratio=ratio, dispersion=dispersion),
        "since": None,
    }


def _sentence(
    plan: Plan,
    query: MovementQuery,
    total: Mapping[str, Any],
    named: Sequence[Mapping[str, Any]],
    names: Sequence[str],
) -> str:
    periods = query.periods
    change = total["relative_change"] or 0.0
    moved = "rose" if change > 0 else "fell" if change < 0 else "stayed"
    said = (
        f"{plan.measure} of {plan.event_type} {moved} from {number(total['before'])} to "
        f"{number(total['metric'])} ({change:+.1%}"
        f"{'' if abs(periods.length_ratio - 1) < 1e-9 else ' in equal time'})"
    )
    if total["p_value"] > ALPHA:
        said += ", which is no more than days vary by chance"
    if not named:
        return f"{said}; no slice of {', '.join(names)} moved otherwise than the rest" + _weekdays(
            periods
        )
    parts = [
        f"{row['slice']} from {number(row['before'])} to {number(row['metric'])}"
        f"{_of_change(row['contribution'])}, since {row['since']}"
        for row in named
    ]
    return f"{said}; moved otherwise than the rest: {'; '.join(parts)}{_weekdays(periods)}"


def _amount(query: MovementQuery, value: float) -> float | int:
    return value if query.measure == "sum" else round(value)


def _of_change(contribution: float | None) -> str:
    return "" if contribution is None else f" ({contribution:.0%} of the change)"


def _weekdays(periods: Periods) -> str:
    week = timedelta(days=7)
    whole = (periods.until - periods.since) % week or (periods.since - periods.before_since) % week
    return "; the two periods hold different weekdays" if whole else ""
