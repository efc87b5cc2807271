"""A second set of questions over the demo world, written without sight of the parser's rules.

Its truths are computed as those of ``question_set`` are. ``nothing`` means that no answer with rows
may be claimed: what is asked for does not exist here.
"""

from __future__ import annotations

from typing import Any

Question = tuple[str, str, dict[str, Any]]

MEASURES: tuple[Question, ...] = (
    ("Revenue without tablets", "sum", {"without": ("device", "tablet")}),
    ("Purchases that were not in Germany", "count", {"without": ("country", "DE")}),
    ("Orders above 100 dollars", "count", {"above": 100.0}),
    (
        "Could you give me the tally of buys since the first of November?",
        "count",
        {"event": "purchase", "since": "2026-11-01"},
    ),
    ("How many orders rolled in yesterday?", "count", {"between": ("2026-11-19", "2026-11-19")}),
    (
        "How many orders were placed by British shoppers?",
        "count",
        {"filter": ("country", "GB")},
    ),
    ("How many Safari people bought something?", "users", {"filter": ("browser", "Safari")}),
    (
        "How many tickets did Indian customers raise?",
        "count",
        {"event": "support_ticket", "filter": ("country", "IN")},
    ),
    (
        "How many complaints reached us yesterday?",
        "count",
        {"event": "support_ticket", "between": ("2026-11-19", "2026-11-19")},
    ),
    ("What did tablet owners spend altogether?", "sum", {"filter": ("device", "tablet")}),
    ("Income for October 2026", "sum", {"between": ("2026-10-01", "2026-10-31")}),
    ("What's a typical basket worth on desktop?", "average", {"filter": ("device", "desktop")}),
    ("What portion of people end up buying?", "rate", {}),
    ("Out of everyone who was exposed, what fraction bought?", "rate", {}),
    (
        "Chance that a visitor on Firefox purchases",
        "rate",
        {"filter": ("browser", "Firefox")},
    ),
    ("How likely are people in the UK to buy?", "rate", {"filter": ("country", "GB")}),
    ("Spend per visitor in the States", "per_user", {"filter": ("country", "US")}),
    ("Split turnover by SDK version", "sum", {"by": "sdk_version"}),
    (
        "Purchases broken out by number of earlier visits",
        "count",
        {"by": "visits_before"},
    ),
    ("For each web browser, the share of visitors who bought", "rate", {"by": "browser"}),
    ("Which nation brings in the least money?", "bottom", {"measure": "sum", "by": "country"}),
    (
        "Rank the devices by how much is sold",
        "top",
        {"measure": "sum", "by": "device", "n": 3},
    ),
    (
        "On which browser are visitors most likely to buy?",
        "top",
        {"measure": "rate", "by": "browser", "n": 1},
    ),
    (
        "Daily buyers since Monday",
        "series",
        {"measure": "users", "grain": "day", "since": "2026-11-16"},
    ),
    (
        "Week after week, how many complaints do we get?",
        "series",
        {"measure": "count", "event": "support_ticket", "grain": "week"},
    ),
    ("How many purchases did October see?", "count", {"between": ("2026-10-01", "2026-10-31")}),
    (
        "Tickets per day over the last 4 days",
        "series",
        {"measure": "count", "event": "support_ticket", "grain": "day", "days": 4},
    ),
    (
        "How much revenue did the footer test bring?",
        "in_experiment",
        {"measure": "sum", "experiment": "footer_colour"},
    ),
    (
        "How many shoppers took part in the search suggestions test?",
        "in_experiment",
        {"measure": "users", "event": "exposure", "experiment": "search_suggestions"},
    ),
)

EXPERIMENTS: tuple[Question, ...] = (
    ("Which tests are live right now?", "running", {}),
    ("How many tests do we have going at the moment?", "running_count", {}),
    ("Is any experiment's data untrustworthy?", "broken", {}),
    ("Which past test had the largest gain?", "best_past", {}),
    ("Which experiments launched in the past ten days?", "started_since", {"days": 10}),
    ("Should we roll out the one-page checkout?", "effect", {"decision": "ship"}),
    ("Did darkening the footer help?", "effect", {"decision": "no_meaningful_effect"}),
    (
        "Is making people sign up before browsing hurting us?",
        "effect",
        {"decision": "rollback"},
    ),
    (
        "What's going on with the free returns banner?",
        "effect",
        {"decision": "keep_running"},
    ),
)

PERIODS: tuple[Question, ...] = (
    (
        "Compare orders this week with last week",
        "periods",
        {"now": ("2026-11-16", "2026-11-20"), "before": ("2026-11-09", "2026-11-15")},
    ),
    (
        "November versus October revenue",
        "periods",
        {
            "measure": "sum",
            "now": ("2026-11-01", "2026-11-20"),
            "before": ("2026-10-01", "2026-10-31"),
        },
    ),
    (
        "Did complaints go up yesterday compared with the day before?",
        "periods",
        {
            "event": "support_ticket",
            "now": ("2026-11-19", "2026-11-19"),
            "before": ("2026-11-18", "2026-11-18"),
        },
    ),
    (
        "Revenue on 18 November against 11 November",
        "periods",
        {
            "measure": "sum",
            "now": ("2026-11-18", "2026-11-18"),
            "before": ("2026-11-11", "2026-11-11"),
        },
    ),
    (
        "How do purchases from last week compare to the week before that?",
        "periods",
        {"now": ("2026-11-09", "2026-11-15"), "before": ("2026-11-02", "2026-11-08")},
    ),
    (
        "How many people bought in October as opposed to November?",
        "periods",
        {
            "measure": "users",
            "now": ("2026-10-01", "2026-10-31"),
            "before": ("2026-11-01", "2026-11-20"),
        },
    ),
    (
        "Mobile orders this month vs last month",
        "periods",
        {
            "filter": ("device", "mobile"),
            "now": ("2026-11-01", "2026-11-20"),
            "before": ("2026-10-01", "2026-10-31"),
        },
    ),
)

RETENTION: tuple[Question, ...] = (
    ("What share of users come back the day after their first visit?", "retention", {"day": 1}),
    ("Day-1 retention", "retention", {"day": 1}),
    ("D7 retention", "retention", {"day": 7}),
    ("How many per cent of newcomers return after 1 day?", "retention", {"day": 1}),
    ("Next-day retention of mobile users", "retention", {"day": 1, "filter": ("device", "mobile")}),
    ("Day 1 retention by country", "retention", {"day": 1, "by": "country"}),
    ("Day 1 retention by weekly cohort", "retention", {"day": 1, "weeks": True}),
    (
        "For each week's new users, what fraction returned a day later?",
        "retention",
        {"day": 1, "weeks": True},
    ),
    ("Do people stick around? Show 3-day retention", "retention", {"day": 3}),
)

PATHS: tuple[Question, ...] = (
    ("What do people do right after being exposed?", "next", {"event": "exposure"}),
    ("Where do users go next after an exposure?", "next", {"event": "exposure"}),
    ("What usually comes after a purchase?", "next", {"event": "purchase"}),
    ("What happens just before people complain?", "previous", {"event": "support_ticket"}),
    ("Which event most often precedes an order?", "previous", {"event": "purchase"}),
    (
        "Most common next step after exposure in Germany",
        "next",
        {"event": "exposure", "filter": ("country", "DE")},
    ),
    ("What leads up to a support ticket?", "previous", {"event": "support_ticket"}),
)

MOVED: tuple[Question, ...] = (
    (
        "Why did purchases drop last week?",
        "moved",
        {"now": ("2026-11-09", "2026-11-15"), "before": ("2026-11-02", "2026-11-08")},
    ),
    (
        "What is behind the change in orders since Monday?",
        "moved",
        {"since": "2026-11-16"},
    ),
    ("What explains the change in purchases in the last 7 days?", "moved", {"days": 7}),
    (
        "Which slices account for the change in complaints this week compared to last week?",
        "moved",
        {
            "event": "support_ticket",
            "now": ("2026-11-16", "2026-11-20"),
            "before": ("2026-11-09", "2026-11-15"),
        },
    ),
    ("What's driving purchases in the last 5 days?", "moved", {"days": 5}),
    (
        "Where did the extra orders come from in the last 10 days?",
        "moved",
        {"days": 10},
    ),
)

KNOWLEDGE: tuple[Question, ...] = (
    ("What have we learnt about checkout?", "learnt", {"theme": "checkout"}),
    ("What do we know from earlier search tests?", "learnt", {"theme": "search"}),
    ("What did we learn about checkout last year?", "nothing", {}),
    ("What did we learn about loyalty cards?", "nothing", {}),
    ("What user segments responded best to checkout experiments?", "nothing", {}),
    ("Which kinds of users benefited most from the footer test?", "nothing", {}),
    (
        "What user segments responded best to pricing experiments in the last quarter?",
        "nothing",
        {},
    ),
    (
        "Show me experiments similar to our checkout optimization that increased conversion "
        "by more than 20%",
        "nothing",
        {},
    ),
    (
        "Show me experiments like our checkout test that raised conversion by over 3%",
        "similar",
        {"theme": "checkout", "above": 0.03},
    ),
    ("Find experiments similar to our pricing test that improved revenue", "nothing", {}),
    ("Recommend optimization strategies for our one-page checkout experiment", "advice", {}),
    ("Recommend optimization strategies for our mobile onboarding experiment", "nothing", {}),
)

OUTSIDE: tuple[str, ...] = (
    "How many people unsubscribed?",
    "What's the bounce rate?",
    "Purchases from Japan",
    "Average delivery time",
    "Who is our best customer?",
    "How much did we pay for ads?",
    "Retention of premium subscribers",
    "What do people do after adding to cart?",
    "Why did logins fall last week?",
    "Forecast next month's revenue",
    "Purchases by gender",
    "Which colour sells best?",
    "Day-1 retention by salesperson",
    "90th percentile of order value",
    "Were there more purchases than refunds?",
    "Purchases by variant in the free returns banner test",
    "What happens between the second and the third purchase?",
    "Why did purchases drop in Spain last week?",
    "Correlation of revenue and tickets",
    "Day 1 retention of users who did not buy",
    "What did Alice learn about checkout?",
)


def questions() -> list[Question]:
    """(question, kind of truth, its parameters), those outside with the kind ``none``."""
    inside = MEASURES + EXPERIMENTS + PERIODS + RETENTION + PATHS + MOVED + KNOWLEDGE
    return [*inside, *((text, "none", {}) for text in OUTSIDE)]
