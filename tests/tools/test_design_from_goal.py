"""design_experiment makes a whole plan from a goal, and says what the traffic cannot decide."""

from dataclasses import replace
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.exceptions import ToolError

from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.workspace import Workspace

GOAL = "Fewer steps raise checkout purchases"
RUNNING = Experiment(
    experiment_id="banner",
    variants=(Variant(variant_id="control", is_control=True), Variant(variant_id="b")),
    metrics=(
        MetricDefinition(name="bought", kind="proportion", event_type="purchase"),
        MetricDefinition(
            name="errors",
            kind="mean",
            event_type="error",
            aggregation="count",
            role="guardrail",
            direction="decrease",
            margin=0.02,
        ),
    ),
    status="running",
)


async def design(client: Client[Any], **arguments: Any) -> dict[str, Any]:
    answer = await client.call_tool("design_experiment", arguments)
    return dict(answer.structured_content or {})


@pytest.fixture
def traffic(add_units: Any) -> None:
    """3,000 users on one day, a tenth of whom buy."""
    add_units("earlier", {"control": 0.1, "b": 0.1}, 3000)


@pytest.mark.usefixtures("traffic")
async def test_a_goal_becomes_a_plan_that_create_experiment_takes(
    client: Client[Any], workspace: Workspace
) -> None:
    workspace.store.experiments.save(RUNNING)
    found = await design(client, goal=GOAL, mde=0.1)
    plan = found["plan"]
    assert plan["hypothesis"] == f"<data>{GOAL}</data>"
    assert found["baseline_source"] == "the share of all users with 'purchase' in the last 28 days"
    assert [each["variant_id"] for each in plan["variants"]] == ["control", "treatment_1"]
    primary, guardrail = plan["metrics"]
    assert (primary["event_type"], primary["mde"]) == ("purchase", 0.1)
    assert (guardrail["name"], guardrail["role"], guardrail["margin"]) == (
        "errors",
        "guardrail",
        0.02,
    )
    assert plan["planned_sample_size"] == found["units_watched"] > found["units_one_look"]
    assert found["baseline_mean"] == pytest.approx(0.1, abs=0.02)
    assert found["days_watched"] == pytest.approx(found["units_watched"] / 3000, rel=1e-3)
    assert found["conflicts"][0].startswith(
        "'banner' is running on the same users, and counts 'error', 'purchase' too"
    )
    assert found["forecast"]["status"] == "insufficient_data"
    assert found["how_watched"].startswith("watched")
    breaker = plan["circuit_breakers"][0]
    assert (breaker["metric"], breaker["side"]) == ("bought", "below")
    assert 0 < breaker["limit"] < found["baseline_mean"]
    plan["metrics"].remove(guardrail)  # nobody has sent an error event here
    created = await client.call_tool("create_experiment", {"plan": plan})
    assert (created.structured_content or {})["status"] == "draft"
    stored = workspace.store.experiments.get(plan["experiment_id"])
    assert stored.hypothesis == GOAL
    assert stored.treatments[0].description == GOAL


@pytest.mark.usefixtures("traffic")
async def test_the_inverse_agrees_with_the_size(client: Client[Any]) -> None:
    """What 14 days find, planned for, takes 14 days."""
    found = await design(client, goal=GOAL, mde=0.1)
    fourteen = found["found_in_14_days"]
    lifts = [point["lift_watched"] for point in found["effect_by_days"]]
    assert lifts == sorted(lifts, reverse=True)
    assert fourteen["lift_one_look"] < fourteen["lift_watched"]
    again = await design(client, goal=GOAL, mde=fourteen["lift_watched"])
    assert again["days_watched"] == pytest.approx(14, rel=0.05)


@pytest.mark.usefixtures("traffic")
async def test_what_the_traffic_cannot_decide_is_said_with_what_would_help(
    client: Client[Any],
) -> None:
    found = await design(client, goal=GOAL, mde=0.005)
    assert not found["detectable"]
    assert found["summary"].startswith("undetectable: the traffic cannot decide this")
    bolder = found["would_be_detectable_with"][0]
    assert bolder.startswith("a bolder change: 90 days find")
    mde = found["effect_by_days"][-1]["lift_watched"]
    assert (await design(client, goal=GOAL, mde=mde * 1.05))["detectable"]


@pytest.mark.parametrize(("mde", "meant"), [(3, "0.03"), (1, "0.01"), (12, "0.12")])
async def test_a_lift_that_looks_like_per_cent_is_asked_about(
    client: Client[Any], mde: float, meant: str
) -> None:
    with pytest.raises(ToolError, match=f"was {mde} % meant\\? Then give mde {meant}"):
        await design(client, mde=mde, baseline_mean=0.01)
    assert (await design(client, mde=3, baseline_mean=0.01, mde_is_meant=True))["mde"] == 3


@pytest.mark.usefixtures("traffic")
async def test_without_an_mde_one_is_assumed_and_said(client: Client[Any]) -> None:
    found = await design(client, goal=GOAL)
    assert found["mde"] == 0.05
    assert any("mde was not said" in note for note in found["details"])


async def test_neither_a_goal_nor_an_mde_is_asked_for(client: Client[Any]) -> None:
    with pytest.raises(ToolError, match="mde is missing"):
        await design(client, baseline_mean=0.1)


async def test_a_goal_that_fits_nothing_lists_what_there_is(client: Client[Any]) -> None:
    with pytest.raises(ToolError, match="no metric that is known fits the goal"):
        await design(client, goal=GOAL)


@pytest.mark.usefixtures("traffic")
async def test_a_metric_can_be_named_and_a_wrong_name_lists_them(client: Client[Any]) -> None:
    with pytest.raises(ToolError, match="metric 'visits' is not known: give metric, one of 'purch"):
        await design(client, goal=GOAL, metric="visits")
    found = await design(client, goal="a calmer page", metric="purchase")
    assert found["plan"]["metrics"][0]["event_type"] == "purchase"


@pytest.mark.usefixtures("traffic")
async def test_three_variants_share_alpha_and_traffic(client: Client[Any]) -> None:
    texts = ["as today", "one page", "two pages"]
    found = await design(client, goal=GOAL, mde=0.2, variants=texts)
    assert [each["description"] for each in found["plan"]["variants"]] == texts
    assert found["alpha_per_comparison"] == pytest.approx(0.025)
    assert len(found["units_per_variant_watched"]) == 3


@pytest.mark.usefixtures("traffic")
async def test_an_id_that_is_taken_gets_a_number(client: Client[Any], workspace: Workspace) -> None:
    first = (await design(client, goal=GOAL, mde=0.2))["plan"]["experiment_id"]
    workspace.store.experiments.save(replace(RUNNING, experiment_id=first))
    second = (await design(client, goal=GOAL, mde=0.2))["plan"]["experiment_id"]
    assert second == f"{first}_2"
