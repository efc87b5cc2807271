"""What questions are read as, over a catalogue of names alone: shapes, talk, slips, follow-ups."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.query.catalog import CatalogFacts
from neonblue.query.clauses import without_chatter
from neonblue.query.following import continued
from neonblue.query.parser import parse
from neonblue.query.spelling import mended
from neonblue.query.time_range import find_time_range
from neonblue.query.vocabulary import Vocabulary, vocabulary_of
from neonblue.stores.catalog import EventTypeFacts, PropertyFacts

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DE, GB = {"name": "country", "value": "DE"}, {"name": "country", "value": "GB"}


def event_type(name: str, *, valued: bool = False) -> EventTypeFacts:
    return EventTypeFacts(
        name=name, events=10, users=5, first_at=NOW, last_at=NOW, with_value=10 * valued,
        mean_value=1.0 if valued else None,
    )  # fmt: skip


def held(name: str, *values: str, numeric: bool = False) -> PropertyFacts:
    return PropertyFacts(
        name=name, events=10, distinct_values=len(values), values=values, event_types=("exposure",),
        numeric=numeric,
    )  # fmt: skip


def experiment(name: str, title: str) -> Experiment:
    bought = MetricDefinition(name="purchase", kind="proportion", event_type="purchase")
    variants = (Variant(variant_id="control", is_control=True), Variant(variant_id="treatment"))
    return Experiment(
        experiment_id=name, name=title, variants=variants, metrics=(bought,), planned_sample_size=9
    )


EVENTS = (event_type("exposure"), event_type("purchase", valued=True), event_type("support_ticket"))
PROPERTIES = (
    held("country", "US", "GB", "DE", "IN"),
    held("device", "mobile", "desktop", "tablet"),
    held("browser", "Chrome", "Safari", "Firefox"),
    held("visits_before", "0", "1", numeric=True),
)


@pytest.fixture(scope="module")
def named() -> Vocabulary:
    catalog = CatalogFacts(metrics=(), event_types=EVENTS, properties=PROPERTIES)
    plans = [experiment("one_page", "One-page checkout"), experiment("footer", "Darker footer")]
    return vocabulary_of(catalog, plans)


def plan(reading: Any) -> Mapping[str, Any]:
    assert reading.answers, (reading.unknown, reading.missing)
    found: dict[str, Any] = reading.plan.model_dump(exclude_defaults=True)
    return found


READ: dict[str, dict[str, Any]] = {
    "conversion rate by country and device": {
        "measure": "rate", "event_type": "purchase", "of_event": "exposure",
        "breakdown": "country", "then_by": "device",
    },
    "orders excluding Germany and the UK": {
        "event_type": "purchase", "filters": ({**DE, "or_values": ("GB",), "excluded": True},),
    },
    "purchases not on mobile, UK only": {
        "event_type": "purchase",
        "filters": ({"name": "device", "value": "mobile", "excluded": True}, GB),
    },
    "orders in the UK vs Germany": {
        "event_type": "purchase", "filters": ({**GB, "or_values": ("DE",)},),
        "breakdown": "country",
    },
    "orders in the UK or Germany combined": {
        "event_type": "purchase", "filters": ({**GB, "or_values": ("DE",)},),
    },
    "number of visitors who never bought": {
        "measure": "without", "event_type": "purchase", "of_event": "exposure",
    },
    "tickets for each order by device": {
        "measure": "per_event", "event_type": "support_ticket", "of_event": "purchase",
        "breakdown": "device",
    },
    "what percentage of purchases are from mobile": {
        "event_type": "purchase", "filters": ({"name": "device", "value": "mobile"},),
        "of_total": True,
    },
    "share of revenue by country": {
        "measure": "sum", "event_type": "purchase", "breakdown": "country", "of_total": True,
    },
    "median order value": {"measure": "median", "event_type": "purchase"},
    "what was the largest order": {"measure": "largest", "event_type": "purchase"},
    "orders over $1,000": {
        "event_type": "purchase", "values": ({"compared": "over", "value": 1000.0},),
    },
    "number of buyers whose visits_before is 0": {
        "measure": "users", "event_type": "purchase",
        "filters": ({"name": "visits_before", "value": "0"},),
    },
    "orders for the one page checkout and the darker footer": {
        "event_type": "purchase", "experiments": ("footer", "one_page"), "breakdown": "experiment",
    },
    "hi all, sorry to ask again - my boss wants to know how many purchses came from Germany, thx": {
        "event_type": "purchase", "filters": (DE,),
    },
}  # fmt: skip


@pytest.mark.parametrize("question", READ)
def test_a_question_is_read_as_its_plan(question: str, named: Vocabulary) -> None:
    assert plan(parse(question, named, NOW)) == {"kind": "measure"} | READ[question]


def test_a_mean_a_day_needs_a_time(named: Vocabulary) -> None:
    found = plan(parse("how many orders per day on average last week?", named, NOW))
    assert (found["each"], found["since"].day, found["until"].day) == ("day", 9, 16)
    assert not parse("how many orders per day on average?", named, NOW).answers


def test_the_best_days_are_ranked(named: Vocabulary) -> None:
    found = plan(parse("top 3 days for orders in november", named, NOW))
    assert (found["grain"], found["ranked"], found["limit"]) == ("day", True, 3)


@pytest.mark.parametrize(
    "question",
    [
        "orders, women only",
        "on Android, how many orders?",
        "for women, what is the conversion rate?",
        "orders excluding gift cards",
        "how many people opened more than one ticket",
        "what is the average number of days until people order again",
        "what part of orders are refunds",
        "revenue by county",
        "how many?",
        "the smallest and the largest order",
        "tickets of users who did not visit",
        "orders by country, device and browser",
        "orders between 9am and 5pm",
        "what slack of orders came from Germany",
    ],
)
def test_what_a_plan_cannot_say_is_declined(question: str, named: Vocabulary) -> None:
    assert not parse(question, named, NOW).answers


FOLLOWED: dict[tuple[str, str], dict[str, Any]] = {
    ("orders by country", "now just for mobile"): {
        "breakdown": "country", "filters": ({"name": "device", "value": "mobile"},),
    },
    ("orders by country", "same thing but by browser please"): {"breakdown": "browser"},
    ("orders by country", "and also by device"): {"breakdown": "country", "then_by": "device"},
    ("orders in Germany", "what about the UK?"): {"filters": (GB,)},
    ("orders in Germany", "without mobile"): {
        "filters": (DE, {"name": "device", "value": "mobile", "excluded": True}),
    },
    ("orders", "same for Germany and the UK"): {
        "filters": ({**DE, "or_values": ("GB",)},), "breakdown": "country",
    },
}  # fmt: skip


@pytest.mark.parametrize(("before", "question"), FOLLOWED)
def test_a_question_continues_the_one_before(before: str, question: str, named: Vocabulary) -> None:
    expected = {"kind": "measure", "event_type": "purchase"} | FOLLOWED[before, question]
    assert plan(continued(question, before, named, NOW)) == expected


def test_the_period_before_is_that_of_the_question_before(named: Vocabulary) -> None:
    found = plan(continued("and the day before?", "orders yesterday", named, NOW))
    assert (found["since"].day, found["until"].day) == (18, 19)
    found = plan(continued("and the week before?", "orders last week", named, NOW))
    assert (found["since"].day, found["until"].day) == (2, 9)


def test_a_whole_question_continues_nothing(named: Vocabulary) -> None:
    found = plan(continued("how many tickets yesterday", "orders by country", named, NOW))
    assert (found["event_type"], found.get("breakdown", "")) == ("support_ticket", "")


@pytest.mark.parametrize("question", ["what about women?", "and by city", "but for gift cards"])
def test_an_unknown_word_of_a_follow_up_is_declined(question: str, named: Vocabulary) -> None:
    assert not continued(question, "orders by country", named, NOW).answers


TIMES = {
    "since the 3rd": ("2026-11-03", None),
    "on the 31st": ("2026-10-31", "2026-11-01"),
    "last tuesday": ("2026-11-17", "2026-11-18"),
    "tuesday last week": ("2026-11-10", "2026-11-11"),
    "between the 2nd and the 8th of november": ("2026-11-02", "2026-11-09"),
    "nov 10 - 12": ("2026-11-10", "2026-11-13"),
    "q3": ("2026-07-01", "2026-10-01"),
    "h1 2026": ("2026-01-01", "2026-07-01"),
    "last fortnight": ("2026-11-06", "2026-11-20"),
    "month to date": ("2026-11-01", None),
    "week of nov 9": ("2026-11-09", "2026-11-16"),
    "last weekend": ("2026-11-14", "2026-11-16"),
    "3 days ago": ("2026-11-17", "2026-11-18"),
    "first half of november": ("2026-11-01", "2026-11-16"),
    "november until the 10th": ("2026-11-01", "2026-11-11"),
}


@pytest.mark.parametrize("text", TIMES)
def test_a_time_in_words(text: str) -> None:
    found, rest = find_time_range(text, NOW)
    assert found is not None
    said = tuple(f"{one:%Y-%m-%d}" if one else None for one in (found.since, found.until))
    assert (said, rest.strip()) == (TIMES[text], "")


@pytest.mark.parametrize(
    ("word", "read"),
    [("purchses", "purchases"), ("counrty", "country"), ("county", "county"), ("women", "women"),
     ("precedes", "precedes"), ("margin", "margin")],
)  # fmt: skip
def test_a_slip_is_mended_and_another_word_is_not(word: str, read: str) -> None:
    assert mended(word, ("purchases", "country", "proceeds", "mobile", "margins")) == read


def test_a_mended_slip_is_told(named: Vocabulary) -> None:
    assert parse("purchses by counrty", named, NOW).assumed == (
        "'purchses' is read as 'purchases'",
        "'counrty' is read as 'country'",
    )


@pytest.mark.parametrize("clause", ["orders from women", "only women", "for women", "on android"])
def test_what_may_narrow_a_question_is_no_talk(clause: str) -> None:
    text = f"{clause}, how many orders"
    assert clause in without_chatter(text, lambda said: "orders" in said)
