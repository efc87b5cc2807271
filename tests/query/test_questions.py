"""Questions in words: right from the data, or declined; never a guess."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastmcp import Client
from tests.query.conftest import DAY, UNITS, fill

from neonblue.query.time_range import find_time_range
from neonblue.servers.hub import build
from neonblue.workspace import Workspace

from .conftest import past_outcome

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: Any) -> Iterator[Workspace]:
    from neonblue.settings import StoreSettings

    opened = Workspace(StoreSettings(data_dir=tmp_path_factory.mktemp("questions")))
    fill(opened.store)
    yield opened
    opened.close()


def ask(workspace: Workspace, question: str) -> Any:
    return workspace.answerer.answer(question, (), now=NOW)


def count(workspace: Workspace, condition: str) -> int:
    rows = workspace.store.database.rows(f"SELECT count() FROM events FINAL WHERE {condition}")
    return int(rows[0][0])


def test_counts_come_from_the_data(filled: Workspace) -> None:
    answered = ask(filled, "How many purchases were there?")
    assert answered.status == "ok"
    assert answered.rows[0]["metric"] == count(filled, "event_type = 'purchase'")
    assert "countIf" in answered.sql


def test_a_time_and_a_value_narrow_it(filled: Workspace) -> None:
    answered = ask(filled, "How many exposures from German users between 1 November and 2 November")
    assert answered.status == "ok"
    until = DAY + timedelta(days=2)
    users = filled.store.database.rows(
        "SELECT uniqExact(user_id) FROM events WHERE event_type = 'exposure' "
        "AND properties['country'] = 'DE' AND timestamp < {until:DateTime64(3)}",
        {"until": until},
    )
    assert answered.rows[0]["metric"] == users[0][0]


def test_a_breakdown_adds_up(filled: Workspace) -> None:
    answered = ask(filled, "number of exposures by country")
    assert {row["slice"] for row in answered.rows} == {"DE", "US", "IN"}
    assert sum(row["metric"] for row in answered.rows) == 2 * UNITS


@pytest.mark.parametrize(
    "question",
    [
        "What is the weather in Paris?",
        "How many refunds were there?",
        "purchases excluding women",
        "How many purchases will there be tomorrow?",
        "Average session duration",
        "Delete all purchases",
        "How many visitors purchased twice?",
        "",
        "🙂",
    ],
)
def test_what_is_not_understood_is_declined_with_what_can_be_asked(
    filled: Workspace, question: str
) -> None:
    answered = ask(filled, question)
    assert answered.status in ("unsupported", "ambiguous")
    assert answered.rows == ()
    assert answered.related


def test_a_funnel_counts_users_by_step(filled: Workspace) -> None:
    answered = ask(filled, "funnel from exposure to purchase")
    assert [row["step"] for row in answered.rows] == ["exposure", "purchase"]
    bought = count(filled, "event_type = 'purchase'")
    assert [row["users"] for row in answered.rows] == [2 * UNITS, bought]


def test_advice_without_past_experiments_is_empty_not_invented(filled: Workspace) -> None:
    answered = ask(filled, "What should we test next, any recommendations?")
    assert (answered.status, answered.rows) == ("ok", ())


def test_past_results_are_all_of_them_the_best_first(filled: Workspace) -> None:
    """Finished ones, whether they won or lost."""
    outcomes = [
        past_outcome(name, lift, decision)
        for name, lift, decision in (("shop", 0.08, "ship"), ("prices", -0.2, "rollback"))
    ]
    filled.store.outcomes.record(outcomes)
    for question in ("best results of past experiments", "which finished tests had the top lift"):
        answered = ask(filled, question)
        assert [row["experiment_id"] for row in answered.rows] == ["shop"], question
    assert ask(filled, "which tests lost?").rows == ()


def test_two_meanings_are_readings_to_choose_from(filled: Workspace) -> None:
    """Both purchases and orders carry values here."""
    answered = ask(filled, "What is the total revenue?")
    assert answered.status == "ambiguous"
    assert {plan.event_type for plan in answered.readings} == {"purchase", "order"}


def test_a_slice_that_tells_a_running_variant_is_withheld(filled: Workspace) -> None:
    answered = ask(filled, "number of orders by cell")
    assert answered.status == "withheld"
    assert answered.rows == ()
    assert "analyze_experiment_performance" in answered.sentence


def test_experiments_by_status_and_what_is_broken(filled: Workspace) -> None:
    assert [r["experiment_id"] for r in ask(filled, "which tests are running").rows] == ["prices"]
    assert ask(filled, "how many experiments are finished?").rows[0]["metric"] == 1
    assert ask(filled, "which experiments are broken and why").status == "ok"


def test_the_result_of_an_experiment_is_a_recorded_look(filled: Workspace) -> None:
    before = len(filled.store.looks.history("prices", metric="", limit=100))
    answered = ask(filled, "How is the prices test doing?")
    assert answered.status == "ok"
    assert answered.rows[0]["experiment_id"] == "prices"
    assert len(filled.store.looks.history("prices", metric="", limit=100)) == before + 1


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("last 7 days", NOW - timedelta(days=7), NOW),
        ("last week", datetime(2026, 11, 9, tzinfo=UTC), datetime(2026, 11, 16, tzinfo=UTC)),
        ("this month", datetime(2026, 11, 1, tzinfo=UTC), None),
        ("last quarter", datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)),
        ("in october", datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)),
        ("in december", datetime(2025, 12, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)),
        ("yesterday", datetime(2026, 11, 19, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC)),
        ("since 3 november", datetime(2026, 11, 3, tzinfo=UTC), None),
        (
            "from 2026-11-01 to 2026-11-03",
            datetime(2026, 11, 1, tzinfo=UTC),
            datetime(2026, 11, 4, tzinfo=UTC),
        ),
    ],
)
def test_times_in_words(text: str, since: datetime, until: datetime | None) -> None:
    found, rest = find_time_range(f"orders {text}", NOW)
    assert found is not None
    assert (found.since, found.until) == (since, until)
    assert rest.strip() == "orders"


def test_may_is_no_month_by_itself() -> None:
    assert find_time_range("what may i ask", NOW)[0] is None


async def test_over_mcp_every_part_of_the_answer_is_there(
    filled: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEONBLUE_DATA_DIR", str(filled.settings.data_dir))
    async with Client(build()) as client:
        result = await client.call_tool(
            "natural_language_query", {"question": "How many purchases were there?"}
        )
    answer = dict(result.structured_content or {})
    assert answer["results"][0]["metric"] > 0
    for part in ("ai_interpretation", "recommendations", "confidence_score", "related_insights"):
        assert part in answer
    assert answer["plan"]["event_type"] == "purchase"
    assert answer["sql"].startswith("SELECT")
