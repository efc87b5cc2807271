"""Figures over events: the query of a plan, run, and against another period where asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from neonblue.errors import InvalidInputError
from neonblue.query.answer_rows import Found, compared, measured, rows_of
from neonblue.query.movement_answer import periods_of
from neonblue.query.plan import Plan
from neonblue.stores.question_query import MeasureQuery, compiled

if TYPE_CHECKING:
    from neonblue.query.telling import Hidden
    from neonblue.stores import Store

LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}


def measure(store: Store, plan: Plan, signs: Hidden, now: datetime) -> Found:
    """The figure of a plan, by what it is broken down by."""
    query = _query(plan, signs, now)
    sql, parameters = compiled(query)
    rows = rows_of(store.read_only.run(sql, parameters))
    if plan.compare and plan.since is not None:
        since, until = _period_before(plan, now)
        before = replace(query, since=since, until=until)
        rows = compared(rows, rows_of(store.read_only.run(*compiled(before))))
    return Found(rows=rows, sql=sql, sentence=measured(plan, rows))


def periods_in(plan: Plan, now: datetime) -> float:
    """How many hours, days or weeks are in the time of a plan, of which it asks the mean.

    ``InvalidInputError`` for a plan that says no time.
    """
    if plan.each is None:
        return 1.0
    if plan.since is None:
        raise InvalidInputError(f"a mean {plan.each} needs a time: say in which, as 'last week'")
    until = min(plan.until or now, now)
    return (until - plan.since) / LENGTHS[plan.each]


def _period_before(plan: Plan, now: datetime) -> tuple[datetime, datetime | None]:
    """The period that a plan is compared with, as it was named, or else as long as its own."""
    if plan.compare_since is not None:
        return plan.compare_since, plan.compare_until
    periods = periods_of(plan, now)
    return periods.before_since, periods.before_until


def _query(plan: Plan, signs: Hidden, now: datetime) -> MeasureQuery:
    return MeasureQuery(
        measure=plan.measure,
        event_type=plan.event_type,
        of_event=plan.of_event,
        experiments=plan.experiments,
        filters=tuple(one.as_stored() for one in plan.filters),
        breakdown=plan.breakdown,
        then_by=plan.then_by,
        values=tuple((one.compared, one.value) for one in plan.values),
        of_total=plan.of_total,
        periods=periods_in(plan, now),
        without=signs.concealed if plan.breakdown == "event_type" else (),
        grain=plan.grain,
        ranked=plan.ranked,
        since=plan.since,
        until=plan.until,
        ascending=plan.ascending,
        limit=500 if plan.grain and not plan.ranked else plan.limit,
    )
