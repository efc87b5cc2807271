"""A question with a plan that somebody checked is answered by that plan, until it is forgotten."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.exceptions import ToolError
from tests.query.conftest import fill

from neonblue.jobs.questions import run as run_job
from neonblue.query.verified import question_key
from neonblue.servers.hub import build
from neonblue.settings import StoreSettings
from neonblue.workspace import Workspace

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
USERS = {"kind": "measure", "measure": "users", "event_type": "purchase"}


@pytest.fixture
def filled(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setenv("NEONBLUE_DATA_DIR", str(tmp_path))
    opened = Workspace(StoreSettings(data_dir=tmp_path))
    fill(opened.store)
    yield opened
    opened.close()


async def call(question: str, **arguments: Any) -> dict[str, Any]:
    async with Client(build()) as client:
        result = await client.call_tool(
            "natural_language_query", {"question": question, **arguments}
        )
    return dict(result.structured_content or {})


def job(workspace: Workspace, act: str, name: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = run_job(workspace, {"act": act, "name": name}, lambda *_: None)[
        "questions"
    ]
    return found


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("How many purchases were there?", "please show me how many purchases there have been", 1),
        ("purchases in the last week", "Purchase during last week?", 1),
        ("purchases last week", "purchases last month", 0),
        ("funnel from exposure to purchase", "funnel from purchase to exposure", 0),
        ("how many users came back", "how many users came", 0),
        ("revenue in the US", "revenue for us", 0),
        ("purchases in Germany", "purchases not in Germany", 0),
        ("how many purchases", "how much purchases", 0),
        ("orders before 3 November", "orders after 3 November", 0),
    ],
)
def test_the_same_question_in_other_words_and_another_one(one: str, other: str, same: int) -> None:
    assert (question_key(one, ("US",)) == question_key(other, ("US",))) is bool(same)


async def test_a_corrected_plan_is_preferred_until_it_is_forgotten(filled: Workspace) -> None:
    by_rule = await call("How many purchases were there?")
    saved = await call("How many purchases were there?", plan=USERS, save_as="buyers")
    assert saved["plan"]["measure"] == "users"
    again = await call("please tell me how many purchases there were")
    assert (again["plan"], again["confidence_score"]) == (saved["plan"], 1.0)
    assert again["assumed"] == ["it is the verified question 'buyers'"]
    another = await call("How many purchases were there in Germany?")
    assert "measure" not in another["plan"]  # a count, as by rule
    assert "measure" not in by_rule["plan"]
    job(filled, "forget", "buyers")
    assert (await call("How many purchases were there?"))["plan"] == by_rule["plan"]


async def test_the_same_name_again_corrects_it(filled: Workspace) -> None:
    await call("buyers overall", plan={**USERS, "measure": "count"}, save_as="buyers")
    await call("buyers overall", plan=USERS, save_as="buyers")
    assert [one["name"] for one in job(filled, "list")] == ["buyers"]
    assert (await call("buyers overall"))["plan"]["measure"] == "users"


def test_times_in_words_move_on_and_others_stay(filled: Workspace) -> None:
    from neonblue.query.verified import remember

    answerer = filled.answerer
    for name, question in (("a", "purchases last week"), ("b", "purchases on 3 November 2026")):
        answered = answerer.answer(question, (), now=NOW)
        remember(filled.store, answerer, name, question, answered, NOW)
    later = datetime(2026, 12, 4, tzinfo=UTC)
    moved = answerer.answer("show purchases last week", (), now=later).plan
    assert moved is not None
    assert moved.since == datetime(2026, 11, 23, tzinfo=UTC)
    kept = answerer.answer("purchases on 3 November 2026", (), now=later).plan
    assert kept is not None
    assert kept.since == datetime(2026, 11, 3, tzinfo=UTC)


async def test_check_says_what_is_the_same_changed_broken_or_a_look(filled: Workspace) -> None:
    await call("number of purchases", save_as="same")
    await call("How is the prices test doing?", save_as="look")
    await call("number of exposures", save_as="changed")
    assert {one["name"]: one["outcome"] for one in job(filled, "check")} == {
        "same": "same",
        "look": "not_run",
        "changed": "same",
    }
    filled.store.database.command(
        "INSERT INTO events SELECT * REPLACE (concat(event_id, 'z') AS event_id, "
        "concat(user_id, 'z') AS user_id) FROM events WHERE event_type = 'exposure'"
    )
    filled.store.database.command(
        "ALTER TABLE events DELETE WHERE event_type = 'purchase' SETTINGS mutations_sync = 2"
    )
    filled.answerer.forget_known()
    found = {one["name"]: one for one in job(filled, "check")}
    assert found["changed"]["outcome"] == "changed"
    assert "was: count of exposure: 800; is: count of exposure: 1,600" in found["changed"]["detail"]
    assert found["same"]["outcome"] == "broken"
    assert "purchase" in found["same"]["detail"]


async def test_what_has_no_answer_or_names_a_user_is_not_saved(filled: Workspace) -> None:
    for question, arguments in (
        ("What is the weather in Paris?", {"save_as": "weather"}),
        ("purchases of shop-1@example.org", {"plan": USERS, "save_as": "one"}),
        ("number of purchases", {"save_as": "No Name!"}),
        ("number of purchases", {"plan": {"kind": "wish"}}),
        ("number of purchases", {"plan": {**USERS, "event_type": "wish"}}),
    ):
        with pytest.raises(ToolError):
            await call(question, **arguments)
    assert job(filled, "list") == []


async def test_a_given_plan_passes_the_gate_as_well(filled: Workspace) -> None:
    plan = {"kind": "measure", "event_type": "order", "breakdown": "cell"}
    answer = await call("orders", plan=plan)
    assert (answer["status"], answer["results"]) == ("withheld", [])
