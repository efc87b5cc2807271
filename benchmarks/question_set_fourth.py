"""Forty questions in other voices: an analyst's shorthand, a founder's talk, a second language."""

from __future__ import annotations

from benchmarks.question_asked import Asked, Decision, Theme, events
from benchmarks.question_set_third import (
    LAST_WEEK,
    RUNNING,
    WEEK_BEFORE,
    _by_day,
    _count,
    _counts,
    _means,
    _over,
    _per_visitor,
    _ranked,
    _rate,
    _rates,
    _shares,
    _sum,
    _sums,
    _two,
    _users,
)

INSIDE: tuple[Asked, ...] = (
    Asked("purchase count, DE, last 14d", lambda w: _count(w, days=14, country="DE")),
    Asked("CVR by browser, last 7 days", lambda w: _rates(w, "browser", days=7)),
    Asked(
        "rev/visitor by device",
        lambda w: {d: _per_visitor(w, device=d) for d in ("mobile", "desktop", "tablet")},
    ),
    Asked("uniq buyers per country wk of 9 Nov", lambda w: _of_users(w)),
    Asked(
        "Mate, can you work out how many sales we pulled in off desktop on the weekend just gone?",
        lambda w: _count(w, between=("2026-11-14", "2026-11-15"), device="desktop"),
    ),
    Asked(
        "I am wanting to know which is the country where the clients are spending the most money in"
        " total",
        lambda w: _ranked(_sums(w, "country"))[:1],
    ),
    Asked(
        "Please to inform me the quantity of complaints received in the month of November until the"
        " 10th",
        lambda w: _count(w, "support_ticket", between=("2026-11-01", "2026-11-10")),
    ),
    Asked(
        "we're getting slammed by support tickets, aren't we? how many came in each day this week",
        lambda w: _by_day(w, "support_ticket", since="2026-11-16"),
    ),
    Asked(
        "Is mobile or desktop the better converter?",
        lambda w: _two(_rates(w, "device"), "mobile", "desktop"),
    ),
    Asked(
        "What's our typical order worth in Britain vs the States?",
        lambda w: _two(_means(w, "country"), "GB", "US"),
    ),
    Asked("worst 3 days for revenue in November", lambda w: _worst_days(w)),
    Asked(
        "Out of everybody exposed on Chrome, what proportion ordered?",
        lambda w: _rate(w, browser="Chrome"),
    ),
    Asked(
        "how does ticket volume compare between sdk 3.9.1 and 4.2.0",
        lambda w: _two(_counts(w, "sdk_version", "support_ticket"), "3.9.1", "4.2.0"),
    ),
    Asked(
        "what cut of our turnover comes from Germany", lambda w: _shares(_sums(w, "country"))["DE"]
    ),
    Asked(
        "number of shoppers in India who bought nothing",
        lambda w: _users(w, "exposure", country="IN") - _users(w, country="IN"),
    ),
    Asked(
        "orders under 20 bucks last week",
        lambda w: float((events(w, "purchase", between=LAST_WEEK).value < 20).sum()),
    ),
    Asked(
        "cheapest order yesterday",
        lambda w: float(events(w, "purchase", between=("2026-11-19", "2026-11-19")).value.min()),
    ),
    Asked(
        "on a typical day last week, how many purchases did we see?",
        lambda w: _count(w, between=LAST_WEEK) / 7,
    ),
    Asked(
        "tickets-to-orders ratio per browser",
        lambda w: _over(_counts(w, "browser", "support_ticket"), _counts(w, "browser")),
    ),
    Asked(
        "sales for w/c 2 November against w/c 9 November",
        lambda w: (_sum(w, between=WEEK_BEFORE), _sum(w, between=LAST_WEEK)),
    ),
    Asked("what experiments are we running", lambda w: RUNNING),
    Asked("can I trust the search suggestions numbers?", lambda w: {"search_suggestions"}),
    Asked("has the one-page checkout won yet", lambda w: Decision("ship")),
    Asked("verdict on sign-up before browsing", lambda w: Decision("rollback")),
    Asked("any learnings on trust signals like reviews and badges?", lambda w: Theme("trust")),
    Asked(
        "and what about the week before?",
        lambda w: _sum(w, between=WEEK_BEFORE, country="US"),
        "US revenue last week",
    ),
    Asked(
        "ok and per browser instead",
        lambda w: _counts(w, "browser", days=30),
        "purchases by country in the last 30 days",
    ),
    Asked(
        "without Germany please",
        lambda w: _rates(w, "device", country=("US", "GB", "IN")),
        "conversion rate by device",
    ),
)

OUTSIDE: tuple[Asked, ...] = tuple(
    Asked(text)
    for text in (
        "number of orders with a coupon",
        "how many iOS purchases in the last week",
        "revenue from new customers vs returning customers",
        "what would happen to sales if we dropped prices by 10%",
        "bounce rate on the checkout page",
        "orders shipped late last month",
        "how many people opened more than one ticket",
        "conversion rate on Mondays",
        "sales in Bavaria",
        "how much did we spend on ads",
        "purchases of shoes since October",
        "is the new homepage test significant?",
    )
)


def _of_users(w):  # type: ignore[no-untyped-def]
    frame = events(w, "purchase", between=LAST_WEEK)
    return {key: float(n) for key, n in frame.groupby("country").user_id.nunique().items()}


def _worst_days(w):  # type: ignore[no-untyped-def]
    frame = events(w, "purchase", since="2026-11-01")
    days = frame.groupby(frame.timestamp.dt.strftime("%Y-%m-%d")).value.sum()
    return _ranked({key: float(value) for key, value in days.items()}, most=False)[:3]


def questions() -> tuple[Asked, ...]:
    """All questions of this set."""
    return INSIDE + OUTSIDE
