"""The verdict's rules over MCP: gaps are named, one comparison speaks, the past does not ship."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from fastmcp import Client

from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.stores.events import event_schema
from neonblue.workspace import Workspace

UNITS = 9_000
PURCHASE = MetricDefinition(name="purchase", kind="proportion", event_type="purchase", mde=0.2)


def fill(workspace: Workspace, rates: dict[str, Any], *metrics: MetricDefinition) -> None:
    """Two weeks of units; a rate may depend on the day as (early, late)."""
    rng, now = np.random.default_rng(5), datetime.now(UTC)
    names = list(rates)
    workspace.store.experiments.save(
        Experiment(
            experiment_id="exp",
            variants=tuple(Variant(variant_id=n, is_control=n == "control") for n in names),
            metrics=(PURCHASE, *metrics),
            planned_sample_size=UNITS,
            started_at=now - timedelta(days=14),
        )
    )
    rows = []
    for unit in range(UNITS):
        variant, day = names[unit % len(names)], float(rng.uniform(0.1, 14))
        moment = now - timedelta(days=14 - day, minutes=10)
        stem = {
            "user_id": f"u{unit}",
            "experiment_id": "exp",
            "variant_id": variant,
            "session_id": "",
            "properties": [],
            "source": "test",
        }
        rows.append(stem | {"event_id": f"x{unit}", "event_type": "exposure", "timestamp": moment})
        rate = rates[variant]
        if isinstance(rate, tuple):
            rate = rate[0] if day < 4 else rate[1]
        if rng.random() < rate:
            bought = {"event_id": f"p{unit}", "event_type": "purchase", "value": 1.0}
            rows.append(stem | bought | {"timestamp": moment + timedelta(minutes=1)})
    workspace.store.events.insert(pa.Table.from_pylist(rows, schema=event_schema()))


async def analysis(client: Client[Any], **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(
        "analyze_experiment_performance", {"experiment_id": "exp", **arguments}
    )
    return dict(result.structured_content or {})


async def test_a_misspelt_guardrail_never_ships(workspace: Workspace, client: Client[Any]) -> None:
    slow = MetricDefinition(
        name="latency", kind="mean", event_type="purchas", aggregation="sum",
        role="guardrail", direction="decrease", margin=0.05,
    )  # fmt: skip
    fill(workspace, {"control": 0.1, "treatment": 0.2}, slow)
    answer = await analysis(client)
    assert answer["verdict"]["decision"] == "invalid"
    assert "'purchas'" in answer["summary"]
    assert "'purchase'" in answer["summary"]


async def test_headline_figures_speak_of_the_variant_that_ships(
    workspace: Workspace, client: Client[Any]
) -> None:
    fill(workspace, {"control": 0.15, "good": 0.22, "bad": 0.03})
    answer = await analysis(client)
    assert (answer["verdict"]["decision"], answer["verdict"]["variant"]) == ("ship", "good")
    assert answer["statistical_significance"]["variant"] == "good"
    assert answer["confidence_interval"]["variant"] == "good"
    assert answer["confidence_interval"]["ci_lower"] > 0
    advice = " ".join(answer["recommendations"])
    assert "'good' is rolled out" in advice
    assert "expect about +" in advice
    decides = [c for m in answer["metrics"] for c in m["comparisons"] if c["decides"]]
    assert [c["variant"] for c in decides] == ["good"]


async def test_the_effect_of_the_first_days_does_not_ship_later(
    workspace: Workspace, client: Client[Any]
) -> None:
    fill(workspace, {"control": 0.1, "treatment": (0.3, 0.1)})
    answer = await analysis(client)
    assert answer["verdict"]["decision"] == "keep_running"
    assert "the effect changed" in answer["summary"]
