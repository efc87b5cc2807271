"""diagnose_experiment over MCP, on events in a real store whose one fault is known."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fastmcp import Client

from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.stores.events import event_schema
from neonblue.workspace import Workspace

UNITS = 6_000
PLAN = Experiment(
    experiment_id="exp",
    variants=(
        Variant(variant_id="control", is_control=True),
        Variant(variant_id="treatment"),
    ),
    metrics=(MetricDefinition(name="bought", kind="proportion", event_type="purchase", mde=0.1),),
    planned_sample_size=20_000,
)


def event(unit: int, kind: str, moment: datetime, variant: str = "", **more: Any) -> dict[str, Any]:
    return {
        "event_id": f"{kind}-{unit}",
        "user_id": f"u{unit}",
        "experiment_id": "exp",
        "variant_id": variant,
        "event_type": kind,
        "timestamp": moment,
        "session_id": "",
        "properties": [],
        "source": "test",
    } | more


def store_rows(workspace: Workspace, rows: list[dict[str, Any]]) -> None:
    workspace.store.experiments.save(PLAN)
    workspace.store.events.insert(pa.Table.from_pylist(rows, schema=event_schema()))


def sound(rng: np.random.Generator, moments: list[datetime]) -> Iterator[dict[str, Any]]:
    """Fair exposures at these moments, and purchases a minute later."""
    for unit, moment in enumerate(moments):
        yield event(unit, "exposure", moment, "treatment" if rng.random() < 0.5 else "control")
        if rng.random() < 0.2:
            yield event(unit, "purchase", moment + timedelta(minutes=1), value=1.0)


async def ask(client: Client[Any], tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, {"experiment_id": "exp", **arguments})
    return dict(result.structured_content or {})


async def finding(client: Client[Any], code: str) -> dict[str, Any]:
    answer = await ask(client, "diagnose_experiment")
    (found,) = [one for one in answer["findings"] if one["code"] == code]
    return dict(found)


async def codes(client: Client[Any]) -> list[str]:
    answer = await ask(client, "diagnose_experiment")
    return [one["code"] for one in answer["findings"]]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20261126)


async def test_events_that_come_days_late_are_a_warning(
    workspace: Workspace, client: Client[Any], rng: np.random.Generator
) -> None:
    """Most arrive at once; three in a hundred two to four days after they happened."""
    now = datetime.now(UTC)
    late = rng.random(UNITS) < 0.03
    ages = np.where(late, rng.uniform(48, 96, UNITS), rng.uniform(0.1, 2.0, UNITS))
    store_rows(workspace, list(sound(rng, [now - timedelta(hours=float(age)) for age in ages])))
    found = await finding(client, "late_data")
    assert (found["severity"], found["side"]) == ("warning", "capture")
    evidence = {item["name"]: item["value"] for item in found["evidence"]}
    assert evidence["median_seconds"] < 3 * 3600
    assert 2 * 86_400 < evidence["p99_seconds"] < 4.1 * 86_400
    assert workspace.store.database.rows(found["query"])


async def test_a_bulk_load_is_not_late(
    workspace: Workspace, client: Client[Any], rng: np.random.Generator
) -> None:
    now = datetime.now(UTC)
    moments = [now - timedelta(hours=float(age)) for age in rng.uniform(1, 240, UNITS)]
    store_rows(workspace, list(sound(rng, moments)))
    assert "late_data" not in await codes(client)


async def test_events_in_time_are_not_late(
    workspace: Workspace, client: Client[Any], rng: np.random.Generator
) -> None:
    now = datetime.now(UTC)
    moments = [now - timedelta(minutes=float(age)) for age in rng.uniform(1, 120, UNITS)]
    store_rows(workspace, list(sound(rng, moments)))
    assert "late_data" not in await codes(client)


async def test_units_outside_the_plan_are_counted_and_left_out(
    workspace: Workspace, client: Client[Any], rng: np.random.Generator
) -> None:
    now = datetime.now(UTC)
    rows = list(sound(rng, [now - timedelta(hours=1)] * UNITS))
    strays = [
        event(unit, "exposure", now - timedelta(hours=1), "treatment_2")
        for unit in range(UNITS, UNITS + 40)
    ]
    store_rows(workspace, rows + strays)
    found = await finding(client, "units_outside_the_plan")
    assert {item["name"]: item["value"] for item in found["evidence"]} == {"units": 40}
    assert found["side"] == "assignment"
    by_variant = dict(workspace.store.database.rows(found["query"]))
    assert by_variant["treatment_2"] == 40
    answer = await ask(client, "analyze_experiment_performance")
    (check,) = [c for c in answer["validity"]["checks"] if c["name"] == "planned_variants"]
    assert (check["status"], check["detail"][:2]) == ("warn", "40")
    compared = answer["metrics"][0]["comparisons"][0]
    assert compared["n_control"] + compared["n_treatment"] == UNITS


def paradoxical(rng: np.random.Generator, now: datetime, *, fair: bool) -> list[dict[str, Any]]:
    """The treatment helps in both countries, but gets the one that buys less."""
    rows = []
    for unit in range(2 * UNITS):
        poor = unit % 2 == 0
        chance = 0.5 if fair else (0.75 if poor else 0.25)
        treated = rng.random() < chance
        properties = [("country", "poor" if poor else "rich")]
        moment = now - timedelta(hours=1)
        variant = "treatment" if treated else "control"
        rows.append(event(unit, "exposure", moment, variant, properties=properties))
        if rng.random() < (0.05 if poor else 0.40) + 0.04 * treated:
            rows.append(event(unit, "purchase", moment + timedelta(minutes=1), value=1.0))
    return rows


async def test_simpsons_paradox_is_said_by_both_tools(
    workspace: Workspace, client: Client[Any], rng: np.random.Generator
) -> None:
    store_rows(workspace, paradoxical(rng, datetime.now(UTC), fair=False))
    answer = await ask(client, "diagnose_experiment")
    found = {one["code"]: one for one in answer["findings"]}
    assert answer["trust"] == "not_trusted"
    assert "opposite directions" in found["simpsons_paradox"]["headline"]
    assert found["mismatch_in_segment"]["evidence"][0]["value"] == "country"
    assert workspace.store.database.rows(found["simpsons_paradox"]["query"])
    answer = await ask(client, "analyze_experiment_performance", segment_by="country")
    assert answer["metrics"][0]["comparisons"][0]["absolute_difference"] < 0
    assert (answer["segments"]["status"], answer["segments"]["segments"]) == ("withheld", [])
    assert "differ between variants" in answer["segments"]["detail"]
    assert "Simpson's paradox in bought of treatment" in answer["segments"]["detail"]


async def test_a_fair_split_shows_no_paradox(
    workspace: Workspace, client: Client[Any], rng: np.random.Generator
) -> None:
    store_rows(workspace, paradoxical(rng, datetime.now(UTC), fair=True))
    assert "simpsons_paradox" not in await codes(client)
    answer = await ask(client, "analyze_experiment_performance", segment_by="country")
    assert "Simpson" not in answer["segments"]["detail"]
