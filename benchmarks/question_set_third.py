"""Eighty and more questions as product managers type them, with answers by pandas alone."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmarks.question_asked import Asked, Decision, Theme, events
from benchmarks.question_truth import World

LAST_WEEK = ("2026-11-09", "2026-11-15")
WEEK_BEFORE = ("2026-11-02", "2026-11-08")
RUNNING = {"checkout_one_page", "forced_signup", "search_suggestions", "free_returns_banner"}
NOT_US = ("GB", "DE", "IN")
NOT_MOBILE = ("desktop", "tablet")


def _count(world: World, event: str = "purchase", **scope: Any) -> float:
    return float(len(events(world, event, **scope)))


def _sum(world: World, **scope: Any) -> float:
    return float(events(world, "purchase", **scope).value.sum())


def _users(world: World, event: str = "purchase", **scope: Any) -> float:
    return float(events(world, event, **scope).user_id.nunique())


def _rate(world: World, **scope: Any) -> float:
    return _users(world, **scope) / _users(world, "exposure", **scope)


def _per_visitor(world: World, **scope: Any) -> float:
    return _sum(world, **scope) / _users(world, "exposure", **scope)


def _of(frame: Any) -> dict[Any, float]:
    return {key: float(value) for key, value in frame.items()}


def _counts(world: World, by: Any, event: str = "purchase", **scope: Any) -> dict[Any, float]:
    return _of(events(world, event, **scope).groupby(by).size())


def _sums(world: World, by: Any, **scope: Any) -> dict[Any, float]:
    return _of(events(world, "purchase", **scope).groupby(by).value.sum())


def _means(world: World, by: Any, **scope: Any) -> dict[Any, float]:
    return _of(events(world, "purchase", **scope).groupby(by).value.mean())


def _rates(world: World, by: Any, **scope: Any) -> dict[Any, float]:
    bought = events(world, "purchase", **scope).groupby(by).user_id.nunique()
    return _of(bought / events(world, "exposure", **scope).groupby(by).user_id.nunique())


def _ranked(values: dict[Any, float], most: bool = True) -> list[Any]:
    return sorted(values, key=values.__getitem__, reverse=most)


def _by_day(world: World, event: str = "purchase", **scope: Any) -> dict[Any, float]:
    frame = events(world, event, **scope)
    return _of(frame.groupby(frame.timestamp.dt.strftime("%Y-%m-%d")).size())


def _by_week(world: World, how: str = "sum", **scope: Any) -> dict[Any, float]:
    frame = events(world, "purchase", **scope)
    day = frame.timestamp.dt.tz_localize(None).dt.normalize()
    monday = day - pd.to_timedelta(day.dt.weekday, unit="D")
    return _of(frame.groupby(monday.dt.strftime("%Y-%m-%d")).value.agg(how))


def _shares(values: dict[Any, float]) -> dict[Any, float]:
    whole = sum(values.values())
    return {key: value / whole for key, value in values.items()}


def _over(above: dict[Any, float], below: dict[Any, float]) -> dict[Any, float]:
    return {key: above[key] / below[key] for key in above}


def _two(values: dict[Any, float], *names: str) -> dict[Any, float]:
    return {name: values[name] for name in names}


INSIDE: tuple[Asked, ...] = (
    Asked(
        "hey quick one, how many orders did we get yesterday?",
        lambda w: _count(w, between=("2026-11-19", "2026-11-19")),
    ),
    Asked(
        "Could you tell me the number of support tickets raised since the 3rd?",
        lambda w: _count(w, "support_ticket", since="2026-11-03"),
    ),
    Asked(
        "how much did we make last Tuesday",
        lambda w: _sum(w, between=("2026-11-17", "2026-11-17")),
    ),
    Asked(
        "Turnover between the 2nd and the 8th of November, please.",
        lambda w: _sum(w, between=WEEK_BEFORE),
    ),
    Asked(
        "what was revenue in October?",
        lambda w: _sum(w, between=("2026-10-01", "2026-10-31")),
    ),
    Asked("orders in Q3?", lambda w: 0.0),
    Asked(
        "no. of tickets opened this month from Germany",
        lambda w: _count(w, "support_ticket", since="2026-11-01", country="DE"),
    ),
    Asked(
        "So I was in a meeting with finance and they kept asking about it - what's our average"
        " basket value over the last fortnight?",
        lambda w: float(events(w, "purchase", days=14).value.mean()),
    ),
    Asked(
        "how many people bought something on the 11th",
        lambda w: _users(w, between=("2026-11-11", "2026-11-11")),
    ),
    Asked(
        "hw many purchses came from phones or whatever, i mean mobile",
        lambda w: _count(w, device="mobile"),
    ),
    Asked(
        "How many UK customers have purchased to date?",
        lambda w: _users(w, country="GB"),
    ),
    Asked("total sales excluding the US", lambda w: _sum(w, country=NOT_US)),
    Asked(
        "number of purchases not on mobile in the last 10 days",
        lambda w: _count(w, days=10, device=NOT_MOBILE),
    ),
    Asked(
        "orders from Safari users on tablets",
        lambda w: _count(w, browser="Safari", device="tablet"),
    ),
    Asked(
        "what share of folks who saw a test ended up buying, desktop only",
        lambda w: _rate(w, device="desktop"),
    ),
    Asked("conversion rate by country and device", lambda w: _rates(w, ["country", "device"])),
    Asked(
        "revenue split by browser and device type for the past week",
        lambda w: _sums(w, ["browser", "device"], days=7),
    ),
    Asked("tickets per SDK version", lambda w: _counts(w, "sdk_version", "support_ticket")),
    Asked(
        "Which country spends the most per visitor?",
        lambda w: _ranked({c: _per_visitor(w, country=c) for c in ("US", *NOT_US)})[:1],
    ),
    Asked(
        "give me the two countries with the fewest orders",
        lambda w: _ranked(_counts(w, "country"), most=False)[:2],
    ),
    Asked(
        "which browser converts worst?",
        lambda w: _ranked(_rates(w, "browser"), most=False)[:1],
    ),
    Asked(
        "what device type has the highest AOV",
        lambda w: _ranked(_means(w, "device"))[:1],
    ),
    Asked("Rank our experiments by revenue", lambda w: _ranked(_sums(w, "experiment_id"))),
    Asked("daily orders over the last 5 days", lambda w: _by_day(w, days=5)),
    Asked("weekly revenue since 19 October", lambda w: _by_week(w, since="2026-10-19")),
    Asked(
        "compare last week's orders to the week before that",
        lambda w: (_count(w, between=LAST_WEEK), _count(w, between=WEEK_BEFORE)),
    ),
    Asked(
        "orders in the UK vs Germany last week",
        lambda w: _two(_counts(w, "country", between=LAST_WEEK), "GB", "DE"),
    ),
    Asked(
        "how many orders did the one-page checkout and the sign-up before browsing test each bring"
        " in since Nov 10",
        lambda w: _two(
            _counts(w, "experiment_id", since="2026-11-10"), "checkout_one_page", "forced_signup"
        ),
    ),
    Asked("orders per ticket, overall", lambda w: _count(w) / _count(w, "support_ticket")),
    Asked(
        "how many tickets do we get for each order, broken out by device",
        lambda w: _over(_counts(w, "device", "support_ticket"), _counts(w, "device")),
    ),
    Asked(
        "what percentage of purchases are from mobile",
        lambda w: _count(w, device="mobile") / _count(w),
    ),
    Asked("share of revenue by country", lambda w: _shares(_sums(w, "country"))),
    Asked(
        "How many visitors entered the footer test?",
        lambda w: _users(w, "exposure", experiment_id="footer_colour"),
    ),
    Asked(
        "How many users have we exposed in all experiments combined?",
        lambda w: _users(w, "exposure"),
    ),
    Asked("How many experiments do we have running at the mo?", lambda w: float(len(RUNNING))),
    Asked("which tests are live right now?", lambda w: RUNNING),
    Asked("do any of our tests have a sample ratio problem?", lambda w: {"search_suggestions"}),
    Asked("Is it time to roll out the one page checkout?", lambda w: Decision("ship")),
    Asked("should we kill the forced sign up thing", lambda w: Decision("rollback")),
    Asked("did changing the footer do anything", lambda w: Decision("no_meaningful_effect")),
    Asked("what have our search tests taught us", lambda w: Theme("search")),
    Asked(
        "What do we know about urgency tactics such as countdown timers?",
        lambda w: Theme("pressure"),
    ),
    Asked(
        "what fraction of users come back the day after their first visit",
        lambda w: w.truth("retention", {"day": 1}),
    ),
    Asked(
        "7-day retention by country", lambda w: w.truth("retention", {"day": 7, "by": "country"})
    ),
    Asked(
        "what do people typically do right after opening a ticket?",
        lambda w: w.truth("next", {"event": "support_ticket"}),
    ),
    Asked(
        "How many orders per day on average last week?",
        lambda w: _count(w, between=LAST_WEEK) / 7,
    ),
    Asked("median order value", lambda w: float(events(w, "purchase").value.median())),
    Asked(
        "what was the largest single order this month",
        lambda w: float(events(w, "purchase", since="2026-11-01").value.max()),
    ),
    Asked(
        "how many orders over $100 in the past 7 days",
        lambda w: float((events(w, "purchase", days=7).value > 100).sum()),
    ),
    Asked(
        "how many customers in India opened a ticket between Nov 5 and Nov 12",
        lambda w: _users(w, "support_ticket", between=("2026-11-05", "2026-11-12"), country="IN"),
    ),
    Asked(
        "busiest day for orders in november",
        lambda w: _ranked(_by_day(w, since="2026-11-01"))[:1],
    ),
    Asked(
        "conversion by country for one page checkout only",
        lambda w: _rates(w, "country", experiment_id="checkout_one_page"),
    ),
    Asked(
        "AOV in the forced signup test vs the footer test",
        lambda w: _two(_means(w, "experiment_id"), "forced_signup", "footer_colour"),
    ),
    Asked(
        "revenue per visitor in the darker footer experiment on desktop",
        lambda w: _per_visitor(w, experiment_id="footer_colour", device="desktop"),
    ),
    Asked(
        "and the day before?",
        lambda w: _count(w, between=("2026-11-18", "2026-11-18")),
        "how many orders did we get yesterday?",
    ),
    Asked(
        "now just for mobile",
        lambda w: _rates(w, "country", device="mobile"),
        "conversion rate by country",
    ),
    Asked(
        "same thing but by browser please",
        lambda w: _sums(w, "browser", days=7),
        "revenue by device in the last 7 days",
    ),
    Asked(
        "what about in the UK?",
        lambda w: _count(w, "support_ticket", between=LAST_WEEK, country="GB"),
        "how many tickets were opened last week?",
    ),
    Asked(
        "break that down by device",
        lambda w: _counts(w, "device", days=7),
        "purchases in the last 7 days",
    ),
    Asked(
        "and the bottom 2?",
        lambda w: _ranked(_sums(w, "country"), most=False)[:2],
        "top 2 countries by revenue",
    ),
    Asked(
        "leaving Firefox aside, what is the conversion rate",
        lambda w: _rate(w, browser=("Chrome", "Safari")),
    ),
    Asked(
        "number of buyers whose visits_before is 0",
        lambda w: _users(w, visits_before="0"),
    ),
    Asked(
        "number of exposed users who never bought",
        lambda w: _users(w, "exposure") - _users(w),
    ),
    Asked(
        "Sorry to bother you again!! our CEO wants, for his board slides, sales by country but only"
        " for the last 30 days and only people on desktop, could you pull that? thanks a ton",
        lambda w: _sums(w, "country", days=30, device="desktop"),
    ),
    Asked(
        "What was the conversion rate in the US, the UK and Germany last month?",
        lambda w: _two(
            _rates(w, "country", between=("2026-10-01", "2026-10-31")), "US", "GB", "DE"
        ),
    ),
)

OUTSIDE: tuple[Asked, ...] = tuple(
    Asked(text)
    for text in (
        "what's our NPS?",
        "how many signups last week?",
        "what will revenue be next month?",
        "how many orders came from Facebook ads",
        "churn rate in Germany",
        "orders from France last week",
        "revenue by city",
        "gross margin by country",
        "who is our best customer?",
        "delete all events from yesterday",
        "how many?",
        "conversion rate of logged-in users",
        "add to cart rate by device",
        "average time between exposure and purchase",
        "what was revenue in euros last week",
        "email me the number of orders every morning",
        "orders from Android users",
        "compare our conversion rate with Amazon's",
        "how many users are online right now",
        "LTV by cohort",
        "how are we doing?",
        "how many refunds since Monday",
        "page views per session",
        "tickets about delivery problems this month",
        "revenue net of VAT in the UK",
        "which variant is better",
        "p-value of the onboarding test",
        "did the pricing experiment win?",
        "correlation between visits and spending",
        "how many orders were placed at weekends",
        "orders between 9am and 5pm",
        "conversion rate of women",
        "which headline did the one page checkout use",
        "how did the search test do?",
        "what's the average number of days until people order again",
    )
)


def questions() -> tuple[Asked, ...]:
    """All questions of this set."""
    return INSIDE + OUTSIDE
