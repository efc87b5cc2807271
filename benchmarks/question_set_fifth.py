"""Forty more, of a support lead, a marketer, a chief executive and somebody new to the data."""

from __future__ import annotations

from benchmarks.question_asked import Asked, Decision, events
from benchmarks.question_set_third import (
    LAST_WEEK,
    RUNNING,
    WEEK_BEFORE,
    _by_day,
    _count,
    _counts,
    _means,
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

TICKET = "support_ticket"

INSIDE: tuple[Asked, ...] = (
    Asked(
        "How many tickets has my team had to deal with since Monday?",
        lambda w: _count(w, TICKET, since="2026-11-16"),
    ),
    Asked(
        "Which browser gives us the most support tickets?",
        lambda w: _ranked(_counts(w, "browser", TICKET))[:1],
    ),
    Asked(
        "Share of visitors filing a ticket, by device",
        lambda w: {
            d: _users(w, TICKET, device=d) / _users(w, "exposure", device=d)
            for d in ("mobile", "desktop", "tablet")
        },
    ),
    Asked(
        "Do Firefox users complain more often than Chrome users?",
        lambda w: {
            b: _users(w, TICKET, browser=b) / _users(w, "exposure", browser=b)
            for b in ("Firefox", "Chrome")
        },
    ),
    Asked(
        "ticket numbers for Germany and India, first ten days of November",
        lambda w: _two(
            _counts(w, "country", TICKET, between=("2026-11-01", "2026-11-10")), "DE", "IN"
        ),
    ),
    Asked(
        "Revenue please. Last 30 days, by country, biggest first.",
        lambda w: _ranked(_sums(w, "country", days=30)),
    ),
    Asked(
        "What did we turn over in the US last month?",
        lambda w: _sum(w, between=("2026-10-01", "2026-10-31"), country="US"),
    ),
    Asked("How's conversion on tablets?", lambda w: _rate(w, device="tablet")),
    Asked(
        "Give me a table: country down the side, browser across, number of orders",
        lambda w: _counts(w, ["country", "browser"]),
    ),
    Asked(
        "orders broken out by experiment and device",
        lambda w: _counts(w, ["experiment_id", "device"]),
    ),
    Asked(
        "What's the average spend per order for desktop Safari users?",
        lambda w: float(events(w, "purchase", device="desktop", browser="Safari").value.mean()),
    ),
    Asked(
        "average order value by country excluding India",
        lambda w: _means(w, "country", country=("US", "GB", "DE")),
    ),
    Asked(
        "I'd like to see purchases day by day from the 9th to the 15th",
        lambda w: _by_day(w, between=LAST_WEEK),
    ),
    Asked(
        "How did order numbers last week compare with the week of 2 November?",
        lambda w: (_count(w, between=LAST_WEEK), _count(w, between=WEEK_BEFORE)),
    ),
    Asked(
        "Number of people who visited but didn't purchase, UK, this month",
        lambda w: (
            _users(w, "exposure", since="2026-11-01", country="GB")
            - _users(w, since="2026-11-01", country="GB")
        ),
    ),
    Asked(
        "What percentage of revenue came from the US in October?",
        lambda w: _shares(_sums(w, "country", between=("2026-10-01", "2026-10-31")))["US"],
    ),
    Asked(
        "Number of orders of at least 150 since 1 November",
        lambda w: float((events(w, "purchase", since="2026-11-01").value >= 150).sum()),
    ),
    Asked(
        "Top three days for orders last month",
        lambda w: _ranked(_by_day(w, between=("2026-10-01", "2026-10-31")))[:3],
    ),
    Asked(
        "median basket in Germany",
        lambda w: float(events(w, "purchase", country="DE").value.median()),
    ),
    Asked(
        "mean revenue per visitor for each experiment",
        lambda w: {
            name: _per_visitor(w, experiment_id=name) for name in (*RUNNING, "footer_colour")
        },
    ),
    Asked("Is the free returns banner working?", lambda w: Decision("keep_running")),
    Asked(
        "Can we switch off the sign-up wall test, i.e. forced_signup?",
        lambda w: Decision("rollback"),
    ),
    Asked("how many tests have we got on the go", lambda w: float(len(RUNNING))),
    Asked("Which of our live experiments shouldn't be trusted?", lambda w: {"search_suggestions"}),
    Asked(
        "what about tickets?",
        lambda w: _count(w, TICKET, between=("2026-11-19", "2026-11-19")),
        "how many orders yesterday",
    ),
    Asked(
        "Same for Germany and the UK",
        lambda w: _two(_counts(w, "country", days=7), "DE", "GB"),
        "number of purchases in the last 7 days",
    ),
    Asked(
        "only on mobile, and by day",
        lambda w: _by_day(w, between=LAST_WEEK, device="mobile"),
        "purchases last week",
    ),
    Asked(
        "conversion by sdk version since november 5th, descending",
        lambda w: _ranked(_rates(w, "sdk_version", since="2026-11-05")),
    ),
)

OUTSIDE: tuple[Asked, ...] = tuple(
    Asked(text)
    for text in (
        "average first response time for tickets",
        "which campaign drove the most purchases last week",
        "revenue per employee",
        "tickets from VIP customers in Germany",
        "orders paid by card",
        "how many visitors from the newsletter bought something",
        "what is our target for November",
        "reopened tickets by country",
        "number of orders that were later cancelled",
        "how satisfied are UK customers",
        "Where are we making the most money?",
        "the smallest and the largest order",
    )
)


def questions() -> tuple[Asked, ...]:
    """All questions of this set."""
    return INSIDE + OUTSIDE
