"""Forty more: a finance controller, a researcher, somebody dictating, an operations lead."""

from __future__ import annotations

from benchmarks.question_asked import Asked, Decision, Theme, events
from benchmarks.question_set_third import (
    LAST_WEEK,
    WEEK_BEFORE,
    _by_day,
    _by_week,
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
OCTOBER = ("2026-10-01", "2026-10-31")

INSIDE: tuple[Asked, ...] = (
    Asked("Total revenue for October.", lambda w: _sum(w, between=OCTOBER)),
    Asked("Revenue by country, month to date", lambda w: _sums(w, "country", since="2026-11-01")),
    Asked(
        "What is the mean order value for the UK in November so far?",
        lambda w: float(events(w, "purchase", since="2026-11-01", country="GB").value.mean()),
    ),
    Asked(
        "Revenue for the week commencing 9 November versus the prior week",
        lambda w: (_sum(w, between=LAST_WEEK), _sum(w, between=WEEK_BEFORE)),
    ),
    Asked(
        "Which market generates the lowest revenue per visitor?",
        lambda w: _ranked(
            {c: _per_visitor(w, country=c) for c in ("US", "GB", "DE", "IN")}, most=False
        )[:1],
    ),
    Asked(
        "Proportion of total sales attributable to desktop",
        lambda w: _shares(_sums(w, "device"))["desktop"],
    ),
    Asked(
        "Number of transactions above 200 last week",
        lambda w: float((events(w, "purchase", between=LAST_WEEK).value > 200).sum()),
    ),
    Asked(
        "yeah so um how many orders did we have on monday",
        lambda w: _count(w, between=("2026-11-16", "2026-11-16")),
    ),
    Asked(
        "and then can you tell me how many tickets there were on the same phones only i mean"
        " mobile since last friday",
        lambda w: _count(w, TICKET, since="2026-11-20", device="mobile"),
    ),
    Asked(
        "give me the conversion rate for firefox and safari for the last two weeks",
        lambda w: _two(_rates(w, "browser", days=14), "Firefox", "Safari"),
    ),
    Asked(
        "how many people have seen the one page checkout so far",
        lambda w: _users(w, "exposure", experiment_id="checkout_one_page"),
    ),
    Asked(
        "list the tests that are currently running with problems", lambda w: {"search_suggestions"}
    ),
    Asked(
        "Kindly share the count of orders received from India in the last 10 days",
        lambda w: _count(w, days=10, country="IN"),
    ),
    Asked(
        "Kindly provide country wise and device wise orders",
        lambda w: _counts(w, ["country", "device"]),
    ),
    Asked("What all did we learn from the trust tests?", lambda w: Theme("trust")),
    Asked(
        "Day wise ticket count for last week only", lambda w: _by_day(w, TICKET, between=LAST_WEEK)
    ),
    Asked(
        "Orders week on week since 19 October", lambda w: _by_week(w, "size", since="2026-10-19")
    ),
    Asked("How many of the people on Safari bought?", lambda w: _users(w, browser="Safari")),
    Asked(
        "Of visitors in the US, how many raised a ticket?",
        lambda w: _users(w, TICKET, country="US"),
    ),
    Asked(
        "What's the purchase rate among tablet visitors outside the US?",
        lambda w: _rate(w, device="tablet", country=("GB", "DE", "IN")),
    ),
    Asked(
        "Which three country and browser combinations bring in the most revenue?",
        lambda w: _ranked(_sums(w, ["country", "browser"]))[:3],
    ),
    Asked("Is the darker footer worth keeping?", lambda w: Decision("no_meaningful_effect")),
    Asked("How is One-page checkout performing?", lambda w: Decision("ship")),
    Asked("AOV: mobile vs desktop vs tablet", lambda w: _means(w, "device")),
    Asked(
        "split the orders by sdk version, leave out 3.9.1",
        lambda w: _counts(w, "sdk_version", sdk_version=("4.2.0", "4.1.3")),
    ),
    Asked(
        "make it Germany",
        lambda w: _count(w, between=LAST_WEEK, country="DE"),
        "how many orders in the US last week?",
    ),
    Asked("as a daily series", lambda w: _by_day(w, days=7), "purchases in the last 7 days"),
    Asked("and revenue?", lambda w: _sums(w, "device"), "number of purchases by device"),
)

OUTSIDE: tuple[Asked, ...] = tuple(
    Asked(text)
    for text in (
        "gross profit by month",
        "revenue against budget",
        "which refund reasons are the most common",
        "how long does checkout take on mobile",
        "orders from the app rather than the web",
        "number of tickets still unresolved",
        "what share of Safari users are on the newest iOS",
        "what was our best selling product in Germany",
        "do discounts increase conversion",
        "tell me something interesting about our users",
        "weekly active users on paid plans",
    )
)


def questions() -> tuple[Asked, ...]:
    """All questions of this set."""
    return INSIDE + OUTSIDE
