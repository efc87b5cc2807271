"""Who came back, and what comes before or after an event."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from neonblue.query.answer_rows import Found, Rows, number, rows_of
from neonblue.query.plan import Plan
from neonblue.stores.sequence_query import Scope, compiled_retention, compiled_steps

if TYPE_CHECKING:
    from neonblue.query.telling import Hidden
    from neonblue.stores import Store


def retention(store: Store, plan: Plan, now: datetime) -> Found:
    """The share of users who were seen again that many days after their first."""
    sql, parameters = compiled_retention(
        _scope(plan), day=plan.day, now=now, weekly=plan.grain == "week"
    )
    rows = rows_of(store.read_only.run(sql, parameters))
    users = sum(row["users"] for row in rows)
    if not users:
        return Found(
            rows=(),
            sql=sql,
            sentence=f"nobody's first day is {plan.day} full days past, so none can have returned",
        )
    back = sum(row["retained"] for row in rows)
    said = (
        f"{number(back / users)} of {users:,} users had an event on day {plan.day} after their "
        f"first (UTC days; who is not {plan.day} full days past it is left out)"
    )
    return Found(rows=rows, sql=sql, sentence=said)


def steps(store: Store, plan: Plan, signs: Hidden) -> Found:
    """What stands next to an event; event types that tell a running variant are passed over."""
    sql, parameters = compiled_steps(
        _scope(plan, without=signs.concealed), plan.event_type, plan.step
    )
    rows = rows_of(store.read_only.run(sql, parameters))
    if not rows:
        return Found(rows=(), sql=sql, sentence=f"there is no {plan.event_type} in that time")
    return Found(rows=rows, sql=sql, sentence=_told(plan, rows, signs))


def _told(plan: Plan, rows: Rows, signs: Hidden) -> str:
    where = "after" if plan.step == "next" else "before"
    shares = ", ".join(f"{row['slice']} {number(row['metric'])}" for row in rows[:5])
    passed = f"; passed over: {', '.join(signs.concealed)}" if signs.concealed else ""
    return f"next {where} {plan.event_type}, as shares of its events: {shares}{passed}"


def _scope(plan: Plan, without: tuple[str, ...] = ()) -> Scope:
    return Scope(
        experiments=plan.experiments,
        filters=tuple(one.as_stored() for one in plan.filters),
        breakdown=plan.breakdown,
        since=plan.since,
        until=plan.until,
        without=without,
        limit=500 if plan.grain else plan.limit,
    )
