"""optimize_ongoing_experiment: in every state, and each call that it names is accepted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fastmcp import Client
from fastmcp.exceptions import ToolError

from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.models.circuit_breaker import CircuitBreaker
from neonblue.stores.events import event_schema
from neonblue.workspace import Workspace

ALONE = "autonomy = 'autonomous'\n[limits]\nincubation_days = 0\n"
NOW = datetime.now(UTC)


def define(workspace: Workspace, names: tuple[str, ...] = ("control", "b"), **more: Any) -> None:
    metric = MetricDefinition(name="bought", kind="proportion", event_type="purchase", mde=0.2)
    given: dict[str, Any] = {
        "experiment_id": "exp",
        "hypothesis": "Fewer steps sell more",
        "variants": tuple(Variant(variant_id=n, is_control=n == "control") for n in names),
        "metrics": (metric,),
        "planned_sample_size": 4000,
        "minimum_duration_days": 0.0,
        "segments": ("country",),
        "circuit_breakers": (CircuitBreaker(metric="bought", limit=0.01, side="below"),),
        "started_at": NOW - timedelta(days=2),
    }
    workspace.store.experiments.save(Experiment(**{**given, **more}))


def add(
    workspace: Workspace, rates: dict[tuple[str, str], float], units: int, *, hours: float = 40.0
) -> None:
    """Units by (variant, country), the same number of each, over the last hours."""
    rng, cells, rows = np.random.default_rng(3), list(rates), []
    for unit in range(units):
        variant, country = cells[unit % len(cells)]
        moment = NOW - timedelta(hours=hours * (1 - unit / units), minutes=1)
        stem: dict[str, Any] = {
            "user_id": f"u{unit}",
            "experiment_id": "exp",
            "variant_id": variant,
            "session_id": "",
            "properties": [("country", country)],
            "source": "test",
        }
        rows.append(stem | {"event_id": f"x{unit}", "event_type": "exposure", "timestamp": moment})
        if rng.random() < rates[variant, country]:
            later = {"event_id": f"p{unit}", "event_type": "purchase", "value": 1.0}
            rows.append(stem | later | {"timestamp": moment + timedelta(milliseconds=1)})
    workspace.store.events.insert(pa.Table.from_pylist(rows, schema=event_schema()))


def alike(control: float, treatment: float) -> dict[tuple[str, str], float]:
    return {
        (variant, country): rate
        for variant, rate in (("control", control), ("b", treatment))
        for country in ("DE", "US")
    }


async def advise(client: Client[Any]) -> dict[str, Any]:
    answer = await client.call_tool("optimize_ongoing_experiment", {"experiment_id": "exp"})
    return dict(answer.structured_content or {})


def looks(workspace: Workspace) -> list[str]:
    rows = workspace.store.database.rows("SELECT tool FROM looks WHERE metric = ''")
    return [tool for (tool,) in rows]


async def accepted(client: Client[Any], found: dict[str, Any]) -> list[str]:
    """Every call, each as it stands; the last one first, since acts change the state."""
    said = []
    for change in reversed(found["changes"]):
        answer = await client.call_tool(change["tool"], change["arguments"])
        act = change["arguments"].get("action", "")
        assert not answer.is_error
        said.append(f"{change['tool']} {act}".strip())
    return said


async def test_a_winner_is_concluded_and_then_rolled_out(
    client: Client[Any], workspace: Workspace, person: Any
) -> None:
    person.sign(ALONE)
    define(workspace)
    add(workspace, alike(0.1, 0.25), 4000)
    found = await advise(client)
    assert looks(workspace) == ["optimize_ongoing_experiment"]
    assert (found["decision"], found["units"]) == ("ship", 4000)
    assert found["segments_read"] == ["country"]
    assert "change_experiment conclude" in await accepted(client, found)
    concluded = await advise(client)
    first = concluded["changes"][0]
    assert first["arguments"]["winner"] == "b"
    assert first["arguments"]["roll_out_fraction"] == 0.25
    assert "change_experiment roll_out" in await accepted(client, concluded)
    assert workspace.store.experiments.get("exp").status == "rolled_out"


async def test_harm_is_stopped_at_once(
    client: Client[Any], workspace: Workspace, person: Any
) -> None:
    person.sign(ALONE)
    define(workspace)
    add(workspace, alike(0.25, 0.1), 4000)
    found = await advise(client)
    assert found["decision"] == "rollback"
    assert (found["changes"][0]["urgency"], found["changes"][0]["arguments"]["action"]) == (
        "now",
        "stop",
    )
    await accepted(client, found)
    assert workspace.store.experiments.get("exp").status == "stopped"
    after = await advise(client)
    assert after["changes"][0]["arguments"]["action"] == "roll_back"
    await accepted(client, after)
    ended = await advise(client)
    assert ended["changes"][0]["tool"] == "recommend_experiments"
    await accepted(client, ended)


async def test_a_broken_split_is_paused_and_tells_no_outcome(
    client: Client[Any], workspace: Workspace, person: Any
) -> None:
    person.sign(ALONE)
    define(workspace)
    rates = {**alike(0.1, 0.3), ("b", "FR"): 0.3}
    add(workspace, rates, 4000)
    found = await advise(client)
    assert found["decision"] == "invalid"
    assert "sample_ratio" in found["failed_checks"]
    assert found["changes"][0]["arguments"]["action"] == "pause"
    assert found["segments_read"] == []
    assert "gains" not in str(found["changes"])
    assert "diagnose_experiment" in await accepted(client, found)


async def test_several_variants_get_an_allocation(
    client: Client[Any], workspace: Workspace
) -> None:
    define(workspace, ("control", "b", "c"), planned_sample_size=40_000)
    cells = {(name, "DE"): 0.1 for name in ("control", "b", "c")}
    add(workspace, cells, 3000)
    found = await advise(client)
    assert found["decision"] == "keep_running"
    calls = {one["tool"]: one["arguments"] for one in found["changes"]}
    assert calls["allocate_traffic"]["policy"] == "top_two"
    await accepted(client, found)


@pytest.mark.parametrize("kind", ["proportion", "mean"])
async def test_a_slow_experiment_is_planned_again(
    client: Client[Any], workspace: Workspace, kind: Any
) -> None:
    count: Any = "any" if kind == "proportion" else "sum"
    metric = MetricDefinition(
        name="bought", kind=kind, event_type="purchase", aggregation=count, mde=0.02
    )
    define(workspace, planned_sample_size=300_000, metrics=(metric,))
    add(workspace, alike(0.1, 0.101), 4000)
    found = await advise(client)
    calls = {one["source"]: one for one in found["changes"]}
    assert calls["size"]["tool"] == "design_experiment"
    assert calls["size"]["arguments"]["mde"] == 0.03
    await accepted(client, found)


async def test_a_segment_that_differs_gets_an_experiment_of_its_own(
    client: Client[Any], workspace: Workspace, person: Any
) -> None:
    person.sign(ALONE)
    define(workspace, planned_sample_size=12_000)
    rates = {**alike(0.1, 0.1), ("b", "US"): 0.3}
    add(workspace, rates, 8000)
    found = await advise(client)
    plans = [one["arguments"]["plan"] for one in found["changes"] if "plan" in one["arguments"]]
    targeted = {plan["experiment_id"]: plan["targeting"] for plan in plans}
    assert list(targeted) in (["exp_for_country_us"], ["exp_without_country_de"])
    (condition,) = next(iter(targeted.values()))
    assert condition in (
        {"property": "country", "operator": "in", "values": ["US"]},
        {"property": "country", "operator": "not_in", "values": ["DE"]},
    )
    assert "create_experiment" in await accepted(client, found)


async def test_a_draft_starts_or_says_what_it_lacks(
    client: Client[Any], workspace: Workspace
) -> None:
    define(workspace, status="draft", started_at=None)
    add(workspace, alike(0.1, 0.1), 400)
    ready = await advise(client)
    assert (ready["decision"], ready["units"]) == (None, None)
    assert ready["changes"][0]["arguments"]["action"] == "start"
    assert looks(workspace) == []
    await accepted(client, ready)
    define(workspace, status="draft", started_at=None, circuit_breakers=())
    lacking = await advise(client)
    assert lacking["changes"][0]["tool"] == "design_experiment"
    assert "no circuit breaker" in lacking["changes"][0]["detail"]
    await accepted(client, lacking)


async def test_one_variant_no_units_and_nobody(client: Client[Any], workspace: Workspace) -> None:
    with pytest.raises(ToolError, match="exp"):
        await advise(client)
    define(workspace)
    empty = await advise(client)
    assert empty["decision"] == "keep_running"
    await accepted(client, empty)
    add(workspace, {("control", "DE"): 0.1}, 500)
    alone = await advise(client)
    assert alone["decision"] in ("keep_running", "invalid")
    await accepted(client, alone)
