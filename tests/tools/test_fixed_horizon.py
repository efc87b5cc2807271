"""Figures that hold for one look stay away until the planned units: no argument, no other tool."""

import json
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fastmcp import Client
from fastmcp.exceptions import ToolError

from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.stores.events import event_schema
from neonblue.workspace import Workspace

UNITS = 1_200
PURCHASE = {"event_type": "purchase", "mde": 0.1}
METRICS = (
    MetricDefinition(name="bought", kind="proportion", **PURCHASE),
    MetricDefinition(name="spent", kind="mean", aggregation="sum", role="secondary", **PURCHASE),
    MetricDefinition(name="p90", kind="quantile", quantile=0.9, aggregation="sum", **PURCHASE),
)
ARGUMENTS = {
    "metrics": (None, ["p90"], ["bought", "p90"]),
    "segment_by": (None, "country"),
    "detail": ("concise", "full"),
    "chart": ("none", "sequence", "allocation"),
}


def fill(workspace: Workspace, planned: int | None, status: str = "running") -> None:
    rng, now = np.random.default_rng(9), datetime.now(UTC)
    workspace.store.experiments.save(
        Experiment(
            experiment_id="exp",
            variants=(
                Variant(variant_id="control", is_control=True),
                Variant(variant_id="treatment"),
            ),
            metrics=METRICS,
            planned_sample_size=planned,
            status=status,  # type: ignore[arg-type]
        )
    )
    rows = []
    for unit in range(UNITS):
        moment = now - timedelta(hours=float(rng.uniform(1, 200)))
        stem = {
            "user_id": f"u{unit}",
            "experiment_id": "exp",
            "variant_id": ("control", "treatment")[unit % 2],
            "session_id": "",
            "properties": [("country", ("DE", "US")[unit % 3 % 2])],
            "source": "test",
        }
        rows.append(stem | {"event_id": f"x{unit}", "event_type": "exposure", "timestamp": moment})
        if rng.random() < 0.5:
            bought = {"event_id": f"p{unit}", "event_type": "purchase", "value": rng.lognormal(3)}
            rows.append(stem | bought | {"timestamp": moment + timedelta(minutes=1)})
    workspace.store.events.insert(pa.Table.from_pylist(rows, schema=event_schema()))


async def analysis(client: Client[Any], **arguments: Any) -> dict[str, Any]:
    given = {key: value for key, value in arguments.items() if value is not None}
    result = await client.call_tool(
        "analyze_experiment_performance", {"experiment_id": "exp", **given}
    )
    return dict(result.structured_content or {})


def comparisons(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for metric in answer["metrics"] for one in metric["comparisons"]]


async def test_no_argument_brings_them_back(workspace: Workspace, client: Client[Any]) -> None:
    fill(workspace, planned=4 * UNITS)
    for values in product(*ARGUMENTS.values()):
        answer = await analysis(client, **dict(zip(ARGUMENTS, values, strict=True)))
        assert answer["look"]["fixed_horizon"] == "withheld_until_planned_n"
        assert all(one.get("fixed_horizon") is None for one in comparisons(answer))
        quantiles = [metric for metric in answer["metrics"] if metric["kind"] == "quantile"]
        found = [one for metric in quantiles for one in metric["comparisons"]]
        assert all(one["ci_lower"] < 0.0 < one["ci_upper"] for one in found)
        assert answer["statistical_significance"]["method"] == "anytime_valid"


async def test_no_other_tool_has_them(workspace: Workspace, client: Client[Any]) -> None:
    fill(workspace, planned=4 * UNITS)
    for tool, arguments in (
        ("discover_segments", {}),
        ("personalize_experiment_experience", {"user_id": "u1"}),
    ):
        with pytest.raises(ToolError, match="withheld until then"):
            await client.call_tool(tool, {"experiment_id": "exp", **arguments})
    every = await client.call_tool("discover_segments", {})
    assert dict(every.structured_content or {})["experiments"] == []
    steps = ["exposure", "purchase"]
    funnel = await client.call_tool(
        "analyze_funnel", {"steps": steps, "experiment_id": "exp", "breakdown": "variant"}
    )
    shown = dict(funnel.structured_content or {})
    assert [one["slice"] for one in shown["funnels"]] == [""]
    assert "not the variants" in shown["detail"]
    assert "withheld until then" in shown["detail"]
    diagnosis = await client.call_tool("diagnose_experiment", {"experiment_id": "exp"})
    plan = await client.read_resource("experiment://exp")
    listing = await client.call_tool("list_experiments", {})
    for text in (diagnosis.structured_content, plan[0].text, listing.structured_content):
        assert "fixed_horizon" not in json.dumps(text)


async def test_at_the_planned_units_they_come_and_say_what_they_are(
    workspace: Workspace, client: Client[Any]
) -> None:
    fill(workspace, planned=UNITS)
    answer = await analysis(client)
    assert answer["look"]["fixed_horizon"] == "shown"
    (quantile,) = [metric for metric in answer["metrics"] if metric["kind"] == "quantile"]
    (found,) = quantile["comparisons"]
    textbook = found["fixed_horizon"]
    assert textbook["method"] == "order statistics, Welch"
    assert found["ci_lower"] < textbook["ci_lower"] < textbook["ci_upper"] < found["ci_upper"]


async def test_looking_without_a_plan_and_stopping_does_not_bring_them(
    workspace: Workspace, client: Client[Any]
) -> None:
    fill(workspace, planned=None)
    await analysis(client)
    workspace.store.experiments.set_status("exp", "stopped")
    answer = await analysis(client)
    assert all(one.get("fixed_horizon") is None for one in comparisons(answer))
