"""Questions over the demo world, in families of paraphrases, each with how its answer is computed.

The truths are functions of ``question_truth``, over pandas frames made by the generator: nothing of
them goes through the store. ``None`` means that the question has no answer here, and that claiming
one would be wrong.
"""

from __future__ import annotations

from typing import Any

Family = tuple[str, dict[str, Any], tuple[str, ...]]

INSIDE: tuple[Family, ...] = (
    ("rate", {}, ("What is the conversion rate?",)),
    ("count", {"without": ("device", "mobile")}, ("purchases excluding mobile",)),
    ("median", {}, ("median order value",)),
    (
        "count",
        {"event": "purchase"},
        (
            "How many purchases have there been?",
            "Total number of orders",
            "What's the overall order count?",
            "Tell me how often people bought",
            "count of purchase events",
        ),
    ),
    (
        "count",
        {"event": "purchase", "days": 7},
        (
            "How many purchases were there in the last 7 days?",
            "orders over the past seven days",
            "Number of sales transactions in the trailing 7 days",
            "How many times did somebody buy during the last 7 days?",
        ),
    ),
    (
        "count",
        {"event": "support_ticket"},
        (
            "How many support tickets were opened?",
            "Number of complaints",
            "What's the total ticket count?",
            "How many help desk tickets did we get?",
        ),
    ),
    (
        "count",
        {"event": "support_ticket", "days": 3},
        (
            "Tickets in the last three days",
            "How many complaints came in over the past 3 days?",
            "number of support tickets in the last 3 days",
        ),
    ),
    (
        "users",
        {"event": "purchase"},
        (
            "How many users purchased?",
            "How many unique customers placed an order?",
            "number of distinct buyers",
            "How many different people bought?",
            "unique purchasers",
        ),
    ),
    (
        "users",
        {"event": "exposure"},
        (
            "How many users were exposed?",
            "How many visitors entered experiments?",
            "Number of people with an exposure",
            "How many units were enrolled in total?",
        ),
    ),
    (
        "users",
        {"event": "support_ticket"},
        (
            "How many users opened a ticket?",
            "number of customers who complained",
            "How many distinct people contacted support?",
        ),
    ),
    (
        "sum",
        {},
        (
            "What is our total revenue?",
            "How much money did we make?",
            "Overall turnover",
            "How much did customers spend?",
            "total sales value",
        ),
    ),
    (
        "sum",
        {"days": 7},
        (
            "Revenue in the last 7 days",
            "How much did we earn over the past week?",
            "takings during the last seven days",
            "What did people spend in the past 7 days?",
        ),
    ),
    (
        "sum",
        {"filter": ("device", "mobile")},
        (
            "Revenue on mobile",
            "How much money came from phones?",
            "turnover from smartphone users",
            "total sales on mobile devices",
        ),
    ),
    (
        "sum",
        {"filter": ("country", "DE")},
        (
            "What's the revenue from Germany?",
            "How much did German customers spend?",
            "Turnover in Germany",
            "earnings from German users",
        ),
    ),
    (
        "average",
        {},
        (
            "Average order value",
            "What's the mean purchase amount?",
            "typical order size",
            "How much is an order worth on average?",
            "AOV",
        ),
    ),
    (
        "average",
        {"filter": ("country", "US")},
        (
            "Average order value in the US",
            "What do American customers pay on average per order?",
            "mean basket of Americans",
            "Typical order value for the United States",
        ),
    ),
    (
        "rate",
        {"event": "purchase"},
        (
            "What is the purchase rate?",
            "What share of exposed users bought something?",
            "Overall conversion to purchase",
            "What percentage of visitors place an order?",
            "What fraction of people buy?",
        ),
    ),
    (
        "rate",
        {"event": "support_ticket"},
        (
            "What's the ticket rate?",
            "What share of users complain?",
            "percentage of visitors who open a support ticket",
            "What proportion of people contacted support?",
        ),
    ),
    (
        "rate",
        {"event": "purchase", "filter": ("device", "desktop")},
        (
            "Purchase rate on desktop",
            "What share of desktop users buy?",
            "conversion to purchase for people on computers",
            "What percentage of laptop visitors order?",
        ),
    ),
    (
        "rate",
        {"event": "purchase", "by": "country"},
        (
            "Purchase rate by country",
            "How does the share of buyers differ between countries?",
            "Order rate per market",
            "What percentage of visitors buy in each country?",
        ),
    ),
    (
        "count",
        {"event": "purchase", "by": "country"},
        (
            "Purchases by country",
            "How many orders does each country have?",
            "Order volume split by nation",
            "Number of sales per market",
        ),
    ),
    (
        "sum",
        {"by": "device"},
        (
            "Revenue by device",
            "How much money did each platform bring in?",
            "Turnover broken down by device",
            "sales per device",
        ),
    ),
    (
        "sum",
        {"by": "browser"},
        (
            "Revenue per browser",
            "How much do users of each browser spend in total?",
            "turnover split by browser",
        ),
    ),
    (
        "count",
        {"event": "support_ticket", "by": "device"},
        (
            "Tickets by device",
            "How many complaints per platform?",
            "Number of support tickets for each device",
        ),
    ),
    (
        "average",
        {"by": "country"},
        (
            "Average order value by country",
            "mean order amount per market",
            "What is the typical purchase worth in each country?",
        ),
    ),
    (
        "top",
        {"measure": "sum", "by": "country", "n": 1},
        (
            "Which country brings in the most revenue?",
            "What's the strongest market by turnover?",
            "Which nation spends the most money?",
        ),
    ),
    (
        "top",
        {"measure": "count", "event": "purchase", "by": "browser", "n": 2},
        (
            "Top 2 browsers by purchases",
            "The two browsers with the most orders",
            "Which 2 browsers have the highest number of orders?",
        ),
    ),
    (
        "bottom",
        {"measure": "sum", "by": "device", "n": 1},
        (
            "Which device has the lowest revenue?",
            "What platform brings the least money?",
            "Which device earns the smallest turnover?",
        ),
    ),
    (
        "top",
        {"measure": "sum", "by": "experiment", "n": 3},
        (
            "Top 3 experiments by revenue",
            "Which three tests have the highest turnover?",
            "the 3 experiments with the most sales",
        ),
    ),
    (
        "series",
        {"measure": "count", "event": "purchase", "grain": "day", "days": 7},
        (
            "Daily purchases in the last 7 days",
            "orders per day over the past seven days",
            "How did purchases develop day by day in the last 7 days?",
            "Trend of orders during the last 7 days",
        ),
    ),
    (
        "series",
        {"measure": "sum", "grain": "week"},
        (
            "Weekly revenue",
            "Turnover per week",
            "How much do we earn each week?",
            "revenue week by week",
        ),
    ),
    (
        "series",
        {"measure": "count", "event": "exposure", "grain": "day", "since": "2026-11-15"},
        (
            "Daily exposures since 15 November",
            "exposures per day since 2026-11-15",
            "How many exposures a day from November 15 on?",
        ),
    ),
    (
        "count",
        {"event": "purchase", "between": ("2026-11-10", "2026-11-12")},
        (
            "Purchases between 10 November and 12 November",
            "How many orders from 2026-11-10 to 2026-11-12?",
            "order count from November 10 to November 12",
        ),
    ),
    (
        "count",
        {"event": "purchase", "between": ("2026-11-19", "2026-11-19")},
        (
            "How many purchases yesterday?",
            "orders yesterday",
            "number of orders on 19 November",
            "Yesterday's order count",
        ),
    ),
    (
        "count",
        {"event": "purchase", "between": ("2026-11-09", "2026-11-15")},
        (
            "How many purchases last week?",
            "Orders in the previous week",
            "last week's number of sales transactions",
        ),
    ),
    (
        "sum",
        {"between": ("2026-10-01", "2026-10-31")},
        (
            "Revenue last month",
            "What did we earn in October?",
            "turnover during last month",
            "How much money was made in October 2026?",
        ),
    ),
    (
        "compare",
        {"measure": "count", "event": "purchase", "days": 7},
        (
            "Purchases in the last 7 days compared to the 7 days before",
            "How did orders change in the last 7 days versus the period before?",
            "growth of orders in the last 7 days",
        ),
    ),
    (
        "compare",
        {"measure": "sum", "days": 7},
        (
            "Revenue in the last 7 days vs the previous period",
            "How has turnover changed over the past 7 days compared with before?",
        ),
    ),
    (
        "per_user",
        {},
        ("Revenue per visitor", "How much do we earn per user?", "average spend per visitor"),
    ),
    (
        "per_user",
        {"by": "country"},
        ("Revenue per visitor by country", "turnover per user in each market"),
    ),
    (
        "funnel",
        {},
        (
            "Funnel from exposure to purchase",
            "Show the funnel exposure then purchase",
            "What is the drop-off between exposure and purchase in a funnel?",
        ),
    ),
    (
        "running",
        {},
        (
            "Which experiments are running?",
            "What tests are live at the moment?",
            "List active experiments",
            "ongoing tests",
            "Show me experiments still in progress",
        ),
    ),
    (
        "running_count",
        {},
        (
            "How many experiments are running?",
            "Number of live tests",
            "How many tests are active right now?",
        ),
    ),
    (
        "broken",
        {},
        (
            "Which experiments are broken and why?",
            "Is any running test invalid?",
            "Which tests can't be trusted?",
            "Which experiments have validity problems?",
        ),
    ),
    (
        "best_past",
        {},
        (
            "Which past experiments improved purchases most?",
            "Which finished tests had the highest lift?",
            "Best results of past experiments",
        ),
    ),
    (
        "started_since",
        {"days": 13},
        ("Which experiments started in the last 13 days?", "tests launched over the past 13 days"),
    ),
    (
        "effect",
        {"experiment": "checkout_one_page", "decision": "ship"},
        (
            "How is the one-page checkout test doing?",
            "Did one-page checkout work?",
            "What's the result of the one-page checkout experiment?",
            "verdict on checkout_one_page",
        ),
    ),
    (
        "effect",
        {"experiment": "footer_colour", "decision": "no_meaningful_effect"},
        (
            "Did the darker footer experiment help?",
            "What came out of the darker footer test?",
            "Result of footer_colour",
        ),
    ),
    (
        "in_experiment",
        {"measure": "count", "event": "purchase", "experiment": "free_returns_banner"},
        (
            "How many purchases in the free returns banner test?",
            "orders in free_returns_banner",
            "number of orders within the free returns banner experiment",
        ),
    ),
    (
        "in_experiment",
        {"measure": "users", "event": "exposure", "experiment": "forced_signup"},
        (
            "How many users were exposed in forced_signup?",
            "number of people enrolled in the sign-up before browsing test",
            "How many visitors entered forced_signup?",
        ),
    ),
)
OUTSIDE: tuple[str, ...] = (
    "What is the weather in Paris?",
    "Who won the football match?",
    "How many refunds were there?",
    "How many users clicked the button?",
    "Average session duration",
    "What is our churn rate?",
    "Revenue in France",
    "How many purchases by age group?",
    "Which salesperson sold the most?",
    "Write me a poem about conversion",
    "How many purchases came from the newsletter?",
    "What's the margin on orders?",
    "Number of logins yesterday",
    "Purchases by colour",
    "Delete all purchases",
    "How many purchases will there be tomorrow?",
    "Why did revenue drop?",
    "How many orders did Bob place?",
    "Profit by country",
    "How many carts were abandoned?",
    "Revenue from returning customers",
    "How many visitors bought twice?",
    "Purchase rate of treatment versus control in forced_signup by country",
)


def questions() -> list[tuple[str, str, dict[str, Any]]]:
    """(question, kind of truth, its parameters), those outside with the kind ``none``."""
    found = [(text, kind, given) for kind, given, texts in INSIDE for text in texts]
    return found + [(text, "none", {}) for text in OUTSIDE]
