"""run_optimization_cycle and simulate_policy, as an agent calls them."""

from typing import Any

import pytest
from fastmcp import Client
from fastmcp.exceptions import ToolError

GOAL: dict[str, Any] = {
    "goal": "sell more on phones",
    "success_event": "purchase",
    "baseline_mean": 0.1,
    "mde": 0.2,
    "ideas": ["fewer fields in the form"],
}


async def cycle(client: Client[Any], **arguments: Any) -> dict[str, Any]:
    answer = await client.call_tool("run_optimization_cycle", arguments)
    return dict(answer.structured_content or {})


@pytest.mark.usefixtures("traffic")
async def test_it_proposes_and_waits_for_a_person(client: Client[Any]) -> None:
    proposed = await cycle(client, **GOAL)
    assert proposed["status"] == "acted"
    assert [step["act"] for step in proposed["steps"]] == ["propose"]
    experiment_id = proposed["steps"][0]["experiment_id"]
    waiting = await cycle(client, goal=GOAL["goal"])
    assert waiting["status"] == "waiting", waiting
    assert waiting["steps"][0]["command"].startswith("neonblue approve")
    assert "<data>" not in waiting["steps"][0]["detail"]  # our own sentences
    assert waiting["ship_level"] == pytest.approx(0.00125)
    again = await cycle(client, goal="  Sell more ON phones ")
    assert again["goal_id"] == proposed["goal_id"]
    assert again["steps"][0]["command"] == waiting["steps"][0]["command"]
    shown = await client.call_tool("list_experiments", {"text": "fewer fields"})
    listed = [one["experiment_id"] for one in (shown.structured_content or {})["experiments"]]
    assert listed == [experiment_id]


@pytest.fixture
def traffic(add_units: Any) -> None:
    """An earlier experiment whose events say what there is."""
    add_units("earlier", {"control": 0.1, "b": 0.1}, 1000)


async def test_a_goal_that_nobody_can_measure_is_refused(client: Client[Any]) -> None:
    with pytest.raises(ToolError, match="needs to be measured: give success_event"):
        await cycle(client, goal="be nicer")
    with pytest.raises(ToolError, match="list_experiments"):
        await cycle(client, goal="be nicer", like_experiment="nothing")


async def test_a_policy_is_tried_in_a_world_of_known_truth(client: Client[Any]) -> None:
    answer = await client.call_tool("simulate_policy", {"experiments": 2, "world": "stationary"})
    trials = (answer.structured_content or {})["trials"]
    assert [trial["rule"] for trial in trials] == ["loop", "naive_peeking", "one_look"]
    assert all(trial["experiments"] == 2 for trial in trials)
