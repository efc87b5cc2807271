"""The user behaviour tools over MCP, on events in a real store."""

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from fastmcp.exceptions import ToolError

from neonblue.behavior.funnel import Funnel, FunnelStep, differences
from neonblue.behavior.proportion import share
from neonblue.intelligence.recommendation.sources import ideas
from neonblue.jobs import find_job
from neonblue.memory.collections import USER_JOURNEYS
from neonblue.models.written_text import raw_name
from neonblue.stores.documents import Document
from neonblue.workspace import Workspace

from .conftest import START_MS, event_table, experiment_events, silent

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
    assert predicted["journey_stage"] == "new"
    assert predicted["basis"] == "population"
    assert any("exposed and did nothing yet" in note for note in predicted["details"])


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
    (counted,) = answer["conversions"]
    assert (counted["event_type"], counted["source"]) == ("<data>purchase</data>", "metric")
    assert "primary metric" in counted["detail"]
    assert answer["conversion_answered_by"] in ("base_rate", "logistic", "trees")
    assert answer["days_away"] == 0
    alike = await ask(client, "find_similar_journeys", user_id="user2", limit=3)
    assert len(alike["journeys"]) == 3
    assert alike["converted"]["n"] == 50
    assert alike["journeys"][0]["started_at"].startswith("2025-1")
    again = await ask(client, "get_user_journey", user_id=alike["journeys"][0]["user"])
    assert again["status"] == "ok"


async def test_a_prediction_shows_the_journeys_it_rests_on(
    behaving: Workspace, client: "Client[Any]"
) -> None:
    await asyncio.to_thread(find_job("behavior-train"), behaving, {}, silent)
    answer = await ask(client, "predict_user_behavior", user_id="user2")
    alike = await ask(client, "find_similar_journeys", user_id="user2", limit=5)
    shown = answer["similar_journeys"]
    assert len(shown) == 5
    assert answer["similar_journeys_converted"] == alike["converted"]
    assert [one["user"] for one in shown] == [one["user"] for one in alike["journeys"]]
    for one, other in zip(shown, alike["journeys"], strict=True):
        assert one.items() <= other.items()
    assert {one["conversion_outcome"] for one in shown} <= {"converted", "considered", "browsed"}
    assert all(one["value"] == 20.0 * (one["conversion_outcome"] == "converted") for one in shown)
    assert "user2" not in json.dumps(answer)
    assert list(answer)[-1] == "similar_journeys"
    unknown = await ask(client, "predict_user_behavior", user_id="nobody")
    assert unknown["similar_journeys"] == []


async def test_long_journeys_are_shown_by_how_they_began_and_ended(
    behaving: Workspace, client: "Client[Any]"
) -> None:
    steps = [f"page_{'abcdefghijklmnop'[i]}" for i in range(14)]
    rows = [
        (user, f"{user}{i}", step, START_MS + 1000 * i, 1)
        for user in ("long", "longer")
        for i, step in enumerate(steps)
    ]
    behaving.store.events.insert(event_table(rows))
    await asyncio.to_thread(find_job("behavior-train"), behaving, {}, silent)
    answer = await ask(client, "predict_user_behavior", user_id="long")
    told = answer["similar_journeys"][0]["told"]
    assert told == (
        "<data>page_a → page_b → page_c → page_d → … → page_k → page_l → page_m → page_n</data>"
    )


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("get_user_journey", {}),
        ("predict_user_behavior", {}),
        ("personalize_experiment_experience", {"experiment_id": "suits_all"}),
    ],
)
async def test_a_pseudonym_from_any_answer_can_be_asked_about(
    behaving: Workspace, client: "Client[Any]", tool: str, arguments: dict[str, str]
) -> None:
    """Nothing is trained, so no session is kept that would name the user."""
    first = await ask(client, tool, user_id="suits_all-7", **arguments)
    again = await ask(client, "get_user_journey", user_id=first["user"])
    assert again["status"] == "ok"
    assert again["user"] == first["user"]


async def test_journeys_found_by_meaning_are_named_by_pseudonyms(
    behaving: Workspace, client: "Client[Any]"
) -> None:
    behaving.memory.remember(
        USER_JOURNEYS,
        [
            Document(
                document_id=user,
                text=f"A visitor who bought on {device}.",
                metadata={"user_id": user, "timestamp": 1.8e9, "started_at": 1.8e9 - 60},
            )
            for user, device in (("user4", "mobile"), ("user6", "desktop"))
        ],
    )
    found = await ask(client, "find_similar_journeys", description="bought on mobile")
    by_tool = found["journeys"][0]
    assert by_tool["started_at"] == "2027-01-15T07:59:00Z"
    searched = await ask(
        client,
        "semantic_experiment_search",
        query="bought on mobile",
        collection="user_journeys",
        filters={"user_id": by_tool["user"]},
        detail="full",
    )
    (hit,) = searched["hits"]
    assert hit["document_id"] == by_tool["user"]
    assert hit["facts"]["user_id"] == f"<data>{by_tool['user']}</data>"
    assert "user4" not in json.dumps([found, searched])
    assert (await ask(client, "get_user_journey", user_id=hit["document_id"]))["status"] == "ok"


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
    assert "show 'treatment' to everybody" in answer["detail"]
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
    assert real["difference_earlier"] * real["difference_later"] > 0
    assert "device is" in real["description"]
    assert not any(row["confirmed"] for row in by_name["suits_all"]["segments"])
    assert answer["remembered"] >= 1
    again = await ask(client, "discover_segments")
    assert again["confirmed"] == answer["confirmed"]
    assert again["remembered"] == 0
    assert again["no_longer_confirmed"] == []


async def test_a_segment_that_is_confirmed_no_more_is_marked_and_not_used(
    behaving: Workspace, client: "Client[Any]"
) -> None:
    async def steps() -> list[dict[str, Any]]:
        tool = "recommend_experiment_optimization"
        answer = await ask(client, tool, experiment_id="suits_mobile")
        return [one for one in answer["steps"] if "segment" in one["action"]]

    def segments_in_ideas() -> list[str]:
        found = ideas(
            behaving.store, behaving.memory, "mobile units gain", "", behaving.event_kinds()
        )
        return [one.segment for one in found if one.source == "segment"]

    async def remembered() -> list[dict[str, Any]]:
        answer = await ask(
            client,
            "semantic_experiment_search",
            query="segments that gain more",
            collection="optimization_patterns",
            filters={"experiments": "suits_mobile", "optimization_type": "segment"},
            limit=20,
            detail="full",
        )
        return answer["hits"]

    first = await ask(client, "discover_segments", experiment_id="suits_mobile")
    confirmed = {raw_name(one["document_id"]) for one in await remembered()}
    assert len(confirmed) == first["confirmed"] > 0
    assert await steps()
    assert set(segments_in_ideas()) == confirmed
    # Ten times as many units come, for whom the device makes no difference.
    behaving.store.events.insert(
        experiment_events("suits_mobile", {"mobile": 0.0, "desktop": 0.0}, 60_000, stem="more")
    )
    second = await ask(client, "discover_segments", experiment_id="suits_mobile")
    gone = second["no_longer_confirmed"]
    assert second["confirmed"] == 0
    assert {f"segment:suits_mobile:treatment:{_bare(one['description'])}" for one in gone} == (
        confirmed
    )
    assert all(one["evidence"] for one in gone)
    after = await remembered()
    assert {raw_name(one["document_id"]) for one in after} == confirmed, "nothing is lost"
    for one in after:
        assert one["facts"]["outcome"] == "no_longer_confirmed"
        assert one["facts"]["withdrawn_at"] > one["facts"]["timestamp"]
        assert "No longer confirmed since 20" in one["text"]
        assert "gain" in one["text"]
    assert await steps() == []
    assert segments_in_ideas() == []
    third = await ask(client, "discover_segments", experiment_id="suits_mobile")
    assert third["no_longer_confirmed"] == []
    assert await remembered() == after


def _bare(text: str) -> str:
    return text.removeprefix("<data>").removesuffix("</data>")


async def test_where_less_is_better_the_segment_that_gains_is_the_one_with_less(
    behaving: Workspace, client: "Client[Any]"
) -> None:
    plan = behaving.store.experiments.get("suits_mobile")
    (metric,) = plan.metrics
    behaving.store.experiments.save(replace(plan, metrics=(replace(metric, direction="decrease"),)))
    await ask(client, "discover_segments", experiment_id="suits_mobile")
    names = [f"segment:suits_mobile:treatment:device is {one}" for one in ("mobile", "desktop")]
    (document,) = behaving.memory.documents.get("optimization_patterns", names).values()
    mobile = "device is mobile" in document.text
    assert f"gain {'less' if mobile else 'more'} from treatment" in document.text
    assert (document.metadata["improvement"] < 0) == mobile


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
    (compared,) = answer["differences"]
    assert (compared["variant"], compared["event_type"]) == ("treatment", "purchase")
    gap = bought["share"] - slices["control"]["steps"][1]["of_first"]["share"]
    assert compared["difference"] == pytest.approx(gap, rel=1e-6)
    assert compared["ci_lower"] < gap < compared["ci_upper"]


def test_the_difference_of_two_shares_is_newcombes() -> None:
    """Newcombe (1998), table II: 56 of 70 less 48 of 80, method 10, is .0524 to .3339."""
    funnels = [
        Funnel(
            slice=name,
            users=n,
            steps=tuple(
                FunnelStep(event_type=step, users=k, of_previous=share(k, n), of_first=share(k, n))
                for step, k in (("exposure", n), ("buy", count))
            ),
            largest_drop_before="buy",
        )
        for name, count, n in (("control", 48, 80), ("b", 56, 70))
    ]
    (found,) = differences(funnels, "control")
    assert (found.difference, found.ci_lower, found.ci_upper) == pytest.approx(
        (0.2, 0.0524, 0.3339), abs=5e-5
    )
    assert differences(funnels[1:], "control") == ()


async def test_a_funnel_says_when_nothing_was_broken_down_or_no_time_was_given(
    behaving: Workspace, client: "Client[Any]"
) -> None:
    steps = ["page_view", "purchase"]
    answer = await ask(client, "analyze_funnel", steps=steps, breakdown="planet")
    assert len(answer["funnels"]) == 1
    assert "no event of these steps has the property 'planet'" in answer["detail"]
    by_device = await ask(client, "analyze_funnel", steps=steps, breakdown="device")
    assert {row["slice"] for row in by_device["funnels"]} == {
        "<data>mobile</data>",
        "<data>desktop</data>",
    }
    times = {"since": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}
    with pytest.raises(ToolError, match="is not before until"):
        await client.call_tool("analyze_funnel", {"steps": steps, **times})


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
    await ask(client, "get_user_journey", user_id="user4")
    assert behaving.memory.index_states.wait_until_ready(60)
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
    await ask(client, "predict_user_behavior", user_id="user4", context=["page_view"])
    assert behaving.store.forgetting.count("user4") == {}, "asking writes nobody down again"
    assert (await ask(client, "get_user_journey", user_id="user40"))["status"] == "ok"
