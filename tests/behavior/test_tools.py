"""The user behaviour tools over MCP, on events in a real store."""

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from fastmcp.exceptions import ToolError

from neonblue.jobs import find_job
from neonblue.memory.collections import USER_JOURNEYS
from neonblue.stores.documents import Document
from neonblue.workspace import Workspace

from .conftest import silent

if TYPE_CHECKING:
    from fastmcp import Client


async def ask(client: "Client[Any]", tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert result.structured_content is not None
    return result.structured_content


async def test_a_journey_is_told_without_the_user_s_id(
    behaving: Workspace, client: "Client[Any]"
) -> None:
    answer = await ask(client, "get_user_journey", user_id="user0")
    assert answer["sessions_found"] == 2
    newest = answer["sessions"][0]
    assert newest["journey_length"] >= 3
    assert newest["session_duration"] > 0
    assert newest["device_type"] == "<data>desktop</data>"
    assert newest["conversion_outcome"] in ("converted", "considered", "browsed")
    assert "page_view → search → product_view" in answer["sessions"][0]["told"]
    assert "user0" not in json.dumps(answer)
    assert answer["user"].startswith("u_")


async def test_an_unknown_user_is_a_typed_answer(
    behaving: Workspace, client: "Client[Any]"
) -> None:
    answer = await ask(client, "get_user_journey", user_id="nobody")
    assert answer["status"] == "insufficient_data"
    predicted = await ask(client, "predict_user_behavior", user_id="nobody")
    assert predicted["basis"] == "population"


async def test_a_user_with_one_event_has_a_journey_of_one_step(
    behaving: Workspace, client: "Client[Any]"
) -> None:
    answer = await ask(client, "get_user_journey", user_id="suits_all-1")
    assert answer["status"] == "ok"
    predicted = await ask(client, "predict_user_behavior", user_id="suits_all-1")
    assert predicted["journey_stage"] in ("new", "converted")


async def test_trains_by_job_then_predicts_and_finds_alike_journeys(
    behaving: Workspace, client: "Client[Any]"
) -> None:
    trained = await asyncio.to_thread(find_job("behavior-train"), behaving, {}, silent)
    assert trained["next_action"]["kept"]
    assert trained["sessions_kept"] > 300
    answer = await ask(client, "predict_user_behavior", user_id="user2", context=["add_to_cart"])
    assert answer["next_actions"][0]["action"] == "<data>checkout</data>"
    assert answer["models"]["next_action"] == "next_action-v1"
    assert answer["learnt_from"]["next_action"] > 1000
    assert answer["learnt_from"]["intent"] > 1000
    alike = await ask(client, "find_similar_journeys", user_id="user2", limit=3)
    assert len(alike["journeys"]) == 3
    assert alike["converted"]["n"] == 50
    again = await ask(client, "get_user_journey", user_id=alike["journeys"][0]["user"])
    assert again["status"] == "ok"


async def test_personalises_where_devices_want_different_variants(
    behaving: Workspace, client: "Client[Any]"
) -> None:
    answer = await ask(
        client,
        "personalize_experiment_experience",
        user_id="suits_mobile-1",
        experiment_id="suits_mobile",
    )
    assert answer["answer"] == "personalise"
    assert answer["gain_ci_lower"] > 0
    choice = answer["choice"]
    best = max(choice["expected"], key=choice["expected"].get)
    assert choice["variant"] == best
    assert choice["ci_lower"] < choice["value"] < choice["ci_upper"]


async def test_shows_one_variant_to_everybody_where_personalising_does_not_pay(
    behaving: Workspace, client: "Client[Any]"
) -> None:
    answer = await ask(
        client,
        "personalize_experiment_experience",
        user_id="nobody",
        experiment_id="suits_all",
    )
    assert answer["answer"] == "everybody"
    assert "show 'treatment' to everybody" in answer["reason"]
    assert answer["choice"]["variant"] == "treatment"
    assert answer["choice"]["basis"] == "population"


async def test_segments_are_confirmed_where_they_are_and_remembered(
    behaving: Workspace, client: "Client[Any]"
) -> None:
    answer = await ask(client, "discover_segments")
    by_name = {row["experiment_id"]: row for row in answer["experiments"]}
    real = by_name["suits_mobile"]["segments"][0]
    assert real["confirmed"]
    assert real["stable_over_time"]
    assert "device is" in real["description"]
    assert not any(row["confirmed"] for row in by_name["suits_all"]["segments"])
    assert answer["remembered"] >= 1


async def test_a_funnel_by_variant_counts_exposed_units_only(
    behaving: Workspace, client: "Client[Any]"
) -> None:
    answer = await ask(
        client,
        "analyze_funnel",
        steps=["exposure", "purchase"],
        experiment_id="suits_all",
        breakdown="variant",
    )
    slices = {row["slice"]: row for row in answer["funnels"]}
    assert set(slices) == {"control", "treatment"}
    bought = slices["treatment"]["steps"][1]["of_first"]
    assert bought["ci_lower"] < 0.3 < bought["ci_upper"]


@pytest.mark.parametrize("arguments", [{}, {"user_id": "a", "description": "b"}])
async def test_similar_journeys_need_exactly_one_question(
    behaving: Workspace, client: "Client[Any]", arguments: dict[str, str]
) -> None:
    with pytest.raises(ToolError, match="either user_id or description"):
        await client.call_tool("find_similar_journeys", arguments)


async def test_a_forgotten_user_is_nowhere(behaving: Workspace, client: "Client[Any]") -> None:
    await asyncio.to_thread(find_job("behavior-train"), behaving, {}, silent)
    document = Document(
        document_id="user4", text="A visitor who bought.", metadata={"user_id": "user4"}
    )
    behaving.memory.remember(USER_JOURNEYS, [document])
    assert behaving.memory.upkeep.wait_until_ready(60)
    arguments = {"user": "user4", "wait_seconds": 0}
    forgotten = await asyncio.to_thread(find_job("forget"), behaving, arguments, silent)
    assert forgotten["rows_erased"]["events"] > 0
    assert forgotten["rows_erased"]["behavior_sessions"] > 0
    assert forgotten["journeys_erased"] == 1
    assert behaving.store.forgetting.count("user4") == {}
    assert behaving.store.documents.get(USER_JOURNEYS.name, ["user4"]) == {}
    assert behaving.memory.index.get(USER_JOURNEYS.name, ["user4"]) == {}
    answer = await ask(client, "get_user_journey", user_id="user4")
    assert answer["status"] == "insufficient_data"
    assert (await ask(client, "get_user_journey", user_id="user40"))["status"] == "ok"
