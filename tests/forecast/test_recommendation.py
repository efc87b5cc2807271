"""Recommendations: ranked by worth, linked to evidence, never what was tried and failed."""

from typing import TYPE_CHECKING, Any

import pytest
from fastmcp.exceptions import ToolError

from neonblue.workspace import Workspace

from .worlds import finish, learn_now

if TYPE_CHECKING:
    from fastmcp import Client


@pytest.fixture
def past(workspace: Workspace) -> Workspace:
    store = workspace.store
    for number, rate in enumerate((0.108, 0.11, 0.111)):
        finish(
            store,
            f"annual_{number}",
            treatment=rate,
            change=f"annual plan shown first on the pricing page, design {number}",
            industry="saas",
        )
    for number, rate in enumerate((0.092, 0.091)):
        finish(
            store,
            f"countdown_{number}",
            treatment=rate,
            change=f"a countdown creates urgency, wording {number}",
            industry="saas",
        )
    finish(store, "headline", treatment=0.1005, change="another headline text", industry="saas")
    learn_now(workspace)
    return workspace


async def call(client: "Client[Any]", tool: str, **arguments: object) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert result.structured_content is not None
    return result.structured_content


async def test_what_was_tried_is_not_recommended_again(
    past: Workspace, client: "Client[Any]"
) -> None:
    found = await call(client, "recommend_experiments", goal="more paying customers", limit=10)
    offered = [
        variant["change"]
        for one in found["recommendations"]
        for variant in one["recommended_variants"][1:]
    ]
    assert len(offered) == len(set(offered))
    assert not [text for text in offered if text.startswith("<data>annual plan shown first")]
    elsewhere = await call(
        client,
        "recommend_experiments",
        goal="more paying customers",
        constraints={"industry": "travel"},
    )
    transferred = str(elsewhere["recommendations"])
    assert "<data>annual plan shown first" in transferred


async def test_what_worked_ranks_first_and_links_to_its_evidence(
    past: Workspace, client: "Client[Any]"
) -> None:
    found = await call(
        client,
        "recommend_experiments",
        goal="more paying customers",
        constraints={"baseline": 0.1, "mde": 0.05, "units_per_day": 10_000},
    )
    best = found["recommendations"][0]
    assert best["type"] == "pricing"
    assert any(link["reference"].startswith("annual_") for link in best["based_on_patterns"])
    assert best["recommended_variants"][0]["variant"] == "control"
    assert best["recommended_variants"][1]["relative_lift"] > 0
    assert best["units_watched"] > best["units_one_look"] > 100_000
    assert best["days_watched"] == pytest.approx(best["units_watched"] / 10_000)
    worths = [one["worth"] for one in found["recommendations"]]
    assert worths == sorted(worths, reverse=True)


async def test_what_failed_is_not_recommended(past: Workspace, client: "Client[Any]") -> None:
    found = await call(client, "recommend_experiments", goal="a countdown for urgency", limit=10)
    assert "urgency" not in {one["type"] for one in found["recommendations"]}


async def test_what_never_worked_or_says_nothing_to_do_is_no_idea(
    past: Workspace, client: "Client[Any]"
) -> None:
    for number in range(3):
        finish(past.store, f"menu_{number}", treatment=0.1001, change=f"menu in colour {number}")
        finish(past.store, f"own_{number}", treatment=0.11, experiment_type="our own kind")
    learn_now(past)
    goal = "a better menu, plan and price of our own kind"
    found = await call(client, "recommend_experiments", goal=goal, limit=10)
    patterns = [one for one in found["recommendations"] if one["source"] == "pattern"]
    assert found["recommendations"]
    assert {"navigation", "our_own_kind"}.isdisjoint(one["type"] for one in patterns)
    assert not [one for one in patterns if " 0 of " in one["hypothesis"]]


@pytest.mark.parametrize(
    "constraints",
    [
        {"exclude_types": ["pricing", "copy"]},
        {"max_effort": "low", "exclude_types": ["copy"]},
        {"baseline": 0.1, "units_per_day": 100, "max_days": 30},
        {"baseline": 0.1, "max_units": 1000},
    ],
)
async def test_constraints_leave_ideas_out(
    past: Workspace, client: "Client[Any]", constraints: dict[str, object]
) -> None:
    found = await call(
        client, "recommend_experiments", goal="growth", constraints=constraints, limit=10
    )
    assert found["recommendations"] == []
    assert found["considered"] > 0


async def test_nonsense_gets_the_answer_that_nothing_fits(
    past: Workspace, client: "Client[Any]"
) -> None:
    found = await call(client, "recommend_experiments", goal="asdf", constraints={"max_days": 14})
    assert (found["status"], found["recommendations"]) == ("nothing_fits", [])
    assert found["unchecked"] == ["max_days=14 was not checked: give baseline and units_per_day"]
    assert "The past has ideas about pricing" in found["detail"]
    signs = await call(client, "recommend_experiments", goal="!!")
    assert signs["status"] == "nothing_fits"


async def test_a_running_experiment_of_the_kind_is_named(
    past: Workspace, client: "Client[Any]"
) -> None:
    finish(past.store, "pricing_now", status="running", change="price in large type")
    found = await call(client, "recommend_experiments", goal="pricing")
    pricing = next(one for one in found["recommendations"] if one["type"] == "pricing")
    assert pricing["timing"]["conflicts"] == ["pricing_now"]


async def test_without_a_past_nothing_is_invented(client: "Client[Any]") -> None:
    found = await call(client, "recommend_experiments", goal="growth")
    assert (found["status"], found["recommendations"]) == ("insufficient_data", [])


async def test_unknown_constraints_are_refused(client: "Client[Any]") -> None:
    with pytest.raises(ToolError, match="colour"):
        await client.call_tool(
            "recommend_experiments", {"goal": "x", "constraints": {"colour": "red"}}
        )


async def test_an_experiment_gets_steps_with_calls(past: Workspace, client: "Client[Any]") -> None:
    finish(
        past.store,
        "now",
        treatment=0.101,
        n=9000,
        status="running",
        change="annual plan first, and a countdown creates urgency",
    )
    found = await call(client, "recommend_experiment_optimization", experiment_id="now")
    assert {item["experiment_id"] for item in found["similar_experiments"]} >= {"annual_0"}
    wins = next(s for s in found["steps"] if "win" in s["action"])
    assert wins["tool"] == "semantic_experiment_search"
    assert wins["arguments"]["like_experiment"] == "now"
    assert all(step["tool"] for step in found["steps"])
    again = await client.call_tool(wins["tool"], wins["arguments"])
    assert again.structured_content is not None
    assert again.structured_content["hits"]


async def test_a_broken_experiment_is_repaired_first(
    past: Workspace, client: "Client[Any]"
) -> None:
    finish(past.store, "broken", treatment=0.12, treatment_n=20_000)
    learn_now(past)
    found = await call(client, "recommend_experiment_optimization", experiment_id="broken")
    assert (found["decision"], found["trust"]) == ("invalid", "not_trusted")
    assert found["steps"][0]["tool"] == "diagnose_experiment"
