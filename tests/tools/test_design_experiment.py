"""design_experiment sizes a plan, for one look and for watching, and says what is missing."""

from typing import Any

import pytest
from fastmcp import Client
from fastmcp.exceptions import ToolError

PROPORTION = {"mde": 0.05, "baseline_mean": 0.1}


async def design(client: Client[Any], **arguments: Any) -> dict[str, Any]:
    answer = await client.call_tool("design_experiment", arguments)
    assert answer.structured_content is not None
    return answer.structured_content


async def test_one_look_is_the_textbook_number(client: Client[Any]) -> None:
    """R's power.prop.test(p1=.1, p2=.105, power=.8) says 57,763 units a variant."""
    found = await design(client, **PROPORTION)
    assert found["units_one_look"] == pytest.approx(2 * 57_763, abs=2)


async def test_watching_costs_more_and_says_so(client: Client[Any]) -> None:
    found = await design(client, **PROPORTION)
    assert found["units_watched"] == pytest.approx(
        found["units_one_look"] * found["watched_costs"], rel=1e-3
    )
    assert found["watched_costs"] > 1.2


async def test_traffic_turns_units_into_days(client: Client[Any]) -> None:
    found = await design(client, **PROPORTION, units_per_day=10_000)
    assert found["days_one_look"] == pytest.approx(found["units_one_look"] / 10_000, rel=1e-3)


async def test_weights_split_the_units(client: Client[Any]) -> None:
    found = await design(client, **PROPORTION, weights=[3, 1])
    control, treatment = found["units_per_variant_watched"]
    assert control == pytest.approx(3 * treatment, rel=1e-3)


async def test_without_a_baseline_it_says_what_to_give(client: Client[Any]) -> None:
    with pytest.raises(ToolError, match="like_experiment"):
        await design(client, mde=0.05)


async def test_a_proportion_above_one_is_refused(client: Client[Any]) -> None:
    with pytest.raises(ToolError, match="kind 'mean' with baseline_sd"):
        await design(client, mde=0.05, baseline_mean=12.0)


async def test_an_unknown_experiment_is_named(client: Client[Any]) -> None:
    with pytest.raises(ToolError, match="'nowhere'"):
        await design(client, mde=0.05, like_experiment="nowhere")
