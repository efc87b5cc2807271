"""allocate_traffic: proposes shares, changes nothing, and what it proposes is accepted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fastmcp import Client
from fastmcp.exceptions import ToolError

from neonblue.errors import ConflictError
from neonblue.intelligence.analysis import analyze
from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.models.reader import Reader, reading
from neonblue.optimization.traffic_proposal import propose_traffic
from neonblue.stores.events import event_schema
from neonblue.workspace import Workspace

ALONE = "autonomy = 'autonomous'\n[limits]\nincubation_days = 0\n"
NAMES = ("control", "b", "c", "d")
START = datetime.now(UTC) - timedelta(hours=21)


def define(workspace: Workspace, names: tuple[str, ...] = NAMES, **changes: Any) -> None:
    metric = MetricDefinition(name="bought", kind="proportion", event_type="purchase", mde=0.5)
    given: dict[str, Any] = {
        "experiment_id": "exp",
        "variants": tuple(Variant(variant_id=n, is_control=n == "control") for n in names),
        "metrics": (metric,),
        "planned_sample_size": 20_000,
        "minimum_duration_days": 0.0,
        "started_at": START,
    }
    workspace.store.experiments.save(Experiment(**{**given, **changes}))


def add(
    workspace: Workspace,
    rates: dict[str, float],
    units: int,
    *,
    shares: dict[str, float] | None = None,
    start: datetime | None = None,
    label: str = "a",
    value: float = 1.0,
) -> None:
    """Units one after the other within a day from ``start``, now without it."""
    rng = np.random.default_rng(len(label) + units)
    names, began = list(rates), start or datetime.now(UTC) + timedelta(seconds=1)
    step = timedelta(hours=20) / units if start else timedelta(microseconds=10)
    given = shares or dict.fromkeys(names, 1 / len(names))
    rows = []
    for unit in range(units):
        variant = names[rng.choice(len(names), p=[given[name] for name in names])]
        moment = began + unit * step
        stem: dict[str, Any] = {
            "user_id": f"{label}-{unit}",
            "experiment_id": "exp",
            "variant_id": variant,
            "session_id": "",
            "properties": [("country", "DE")],
            "source": "test",
        }
        rows.append(
            stem | {"event_id": f"x{label}{unit}", "event_type": "exposure", "timestamp": moment}
        )
        if rng.random() < rates[variant]:
            later = {"event_id": f"p{label}{unit}", "event_type": "purchase", "value": value}
            rows.append(stem | later | {"timestamp": moment + timedelta(milliseconds=1)})
    workspace.store.events.insert(pa.Table.from_pylist(rows, schema=event_schema()))


async def allocate(client: Client[Any], **arguments: Any) -> dict[str, Any]:
    answer = await client.call_tool("allocate_traffic", {"experiment_id": "exp", **arguments})
    return dict(answer.structured_content or {})


async def test_the_better_variant_gets_more_and_the_call_is_accepted(
    client: Client[Any], workspace: Workspace, person: Any
) -> None:
    person.sign(ALONE)
    define(workspace)
    add(workspace, {"control": 0.1, "b": 0.1, "c": 0.1, "d": 0.2}, 3000, start=START)
    found = await allocate(client)
    shares = found["proposed_weights"]
    assert found["policy"] == "top_two"
    assert max(shares, key=lambda name: shares[name]) == "d"
    assert min(shares.values()) >= 0.05
    assert sum(shares.values()) == pytest.approx(1.0)
    assert found["expected_regret"]["proposed"] < found["expected_regret"]["even"]
    assert await allocate(client) == found  # the same data, the same proposal
    before = workspace.store.experiments.get("exp")
    assert before.current_weights == ()
    arguments = {**found["next_call"]["arguments"], "action": "set_weights", "weights": shares}
    arguments.pop("expected_version", None)
    done = (await client.call_tool("change_experiment", arguments)).structured_content or {}
    assert done["outcome"] == "done"
    assert done["current_weights"] == pytest.approx(shares)


async def test_a_batch_of_new_weights_is_read_by_its_chances(
    client: Client[Any], workspace: Workspace, person: Any
) -> None:
    """Naive pooling across days with other rates would favour the variant of the good day."""
    person.sign(ALONE)
    define(workspace, ("control", "b"), planned_sample_size=8000)
    add(workspace, {"control": 0.05, "b": 0.05}, 4000, start=START)
    weights = {"control": 0.1, "b": 0.9}
    await client.call_tool(
        "change_experiment",
        {"experiment_id": "exp", "action": "set_weights", "weights": weights},
    )
    add(workspace, {"control": 0.3, "b": 0.3}, 4000, shares=weights, label="later")
    now = datetime.now(UTC) + timedelta(minutes=1)
    found = analyze(workspace.store, "exp", now=now)
    assert not found.validity.failed, found.validity.failed
    (comparison,) = found.metrics[0].comparisons
    assert comparison.ci_lower < 0 < comparison.ci_upper
    assert abs(comparison.absolute_difference) < 0.03  # the plain difference of means is .11
    assert comparison.fixed_horizon is None
    assert found.decision.decision not in ("ship", "rollback")
    again = await allocate(client)
    assert (again["policy"], again["batch"]) == ("fixed", 2)
    assert "an even split is as fast" in again["details"][0]


async def test_units_that_do_not_follow_the_weights_in_force_are_a_mismatch(
    client: Client[Any], workspace: Workspace, person: Any
) -> None:
    person.sign(ALONE)
    define(workspace)
    add(workspace, dict.fromkeys(NAMES, 0.1), 2000, start=START)
    weights = {"control": 0.05, "b": 0.05, "c": 0.05, "d": 0.85}
    call = {"experiment_id": "exp", "action": "set_weights", "weights": weights}
    await client.call_tool("change_experiment", call)
    add(workspace, dict.fromkeys(NAMES, 0.1), 2000, label="stuck")
    found = await allocate(client)
    assert found["standing"] == "invalid"
    assert found["proposed_weights"] == pytest.approx(weights)
    assert found["chance_best"] == {}
    assert found["comparisons"] == []
    assert found["next_call"]["tool"] == "diagnose_experiment"


async def test_each_proposal_is_logged_once_with_its_chances(
    client: Client[Any], workspace: Workspace
) -> None:
    define(workspace)
    add(workspace, dict.fromkeys(NAMES, 0.1), 1200, start=START)
    await allocate(client)
    await allocate(client)
    (logged,) = workspace.store.traffic_batches.of("exp")
    assert logged.chances == (0.25,) * 4
    assert (logged.batch, sum(logged.units)) == (1, 1200)
    looks = workspace.store.database.rows("SELECT tool FROM looks WHERE metric = ''")
    assert looks == [("allocate_traffic",), ("allocate_traffic",)]


async def test_two_variants_keep_an_even_split_unless_regret_is_asked_for(
    client: Client[Any], workspace: Workspace
) -> None:
    define(workspace, ("control", "b"))
    add(workspace, {"control": 0.1, "b": 0.2}, 2000, start=START)
    kept = await allocate(client)
    assert kept["proposed_weights"] == {"control": 0.5, "b": 0.5}
    adapted = await allocate(client, policy="top_two")
    assert adapted["proposed_weights"]["b"] > 0.8
    assert adapted["details"] == kept["details"]


async def test_a_ramp_takes_one_step_and_waits_for_units(
    client: Client[Any], workspace: Workspace, person: Any
) -> None:
    person.sign(ALONE)
    define(workspace, ("control", "b"))
    call = {"experiment_id": "exp", "action": "set_weights"}
    await client.call_tool("change_experiment", {**call, "weights": {"control": 0.95, "b": 0.05}})
    shares = {"control": 0.95, "b": 0.05}
    add(workspace, {"control": 0.1, "b": 0.1}, 1000, shares=shares)
    waits = await allocate(client, policy="ramp")
    assert waits["standing"] == "insufficient_data"
    add(workspace, {"control": 0.1, "b": 0.1}, 5000, shares=shares, label="more")
    goes_on = await allocate(client, policy="ramp")
    assert goes_on["proposed_weights"] == pytest.approx({"control": 0.9, "b": 0.1})


async def test_equal_variants_are_called_equal(client: Client[Any], workspace: Workspace) -> None:
    define(workspace, ("control", "b", "c"), planned_sample_size=6000)
    add(workspace, dict.fromkeys(("control", "b", "c"), 0.3), 9000, start=START)
    found = await allocate(client)
    assert found["standing"] == "alike"
    assert found["leader"] is None
    assert found["next_call"]["arguments"]["action"] == "conclude"


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "draft": ({"status": "draft"}, {}, "is draft and assigns no units"),
    "ended": ({"status": "stopped"}, {}, "it has ended"),
    "floor": ({}, {"floor": 0.4}, "floor 0.4 cannot be: each of 4 variants"),
    "low floor": ({}, {"floor": 0.01}, "0.05"),
    "metric": ({}, {"metric": "nope"}, "has no metric 'nope': it has bought"),
    "policy": ({}, {"policy": "greedy"}, "top_two"),
    "unknown": ({}, {"experiment_id": "nobody"}, "nobody"),
    "totals": ({"source": "aggregated"}, {}, "uploaded totals"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_allocated_is_one_message_and_no_look(
    client: Client[Any], workspace: Workspace, name: str
) -> None:
    changes, arguments, said = REFUSED[name]
    define(workspace, **changes)
    with pytest.raises(ToolError, match=said):
        await allocate(client, **arguments)
    assert workspace.store.database.rows("SELECT tool FROM looks") == []
    assert workspace.store.traffic_batches.of("exp") == ()


async def test_a_read_only_server_is_not_the_first_to_show_results(workspace: Workspace) -> None:
    define(workspace)
    add(workspace, dict.fromkeys(NAMES, 0.1), 800, start=START)
    with reading(Reader(tool="allocate_traffic", records=False)), pytest.raises(ConflictError):
        propose_traffic(workspace.store, "exp", now=datetime.now(UTC))


async def test_a_ratio_is_not_followed(client: Client[Any], workspace: Workspace) -> None:
    ratio = MetricDefinition(
        name="a_click",
        kind="ratio",
        event_type="purchase",
        aggregation="sum",
        denominator_event_type="click",
    )
    define(workspace, metrics=(ratio,))
    with pytest.raises(ToolError, match="is a ratio: traffic follows proportion or mean"):
        await allocate(client)
    assert (await allocate(client, policy="fixed"))["standing"] == "open"


@pytest.mark.parametrize(
    ("rates", "value"),
    [(dict.fromkeys(NAMES, 0.0), 1.0), (dict.fromkeys(NAMES, 0.3), 1e90)],
    ids=["zero conversions", "huge values"],
)
async def test_odd_outcomes_give_shares_that_are_shares(
    client: Client[Any], workspace: Workspace, rates: dict[str, float], value: float
) -> None:
    spent = MetricDefinition(name="spent", kind="mean", event_type="purchase", aggregation="sum")
    define(workspace, metrics=(spent,))
    add(workspace, rates, 1000, start=START, value=value)
    found = await allocate(client)
    assert sum(found["proposed_weights"].values()) == pytest.approx(1.0)
    assert min(found["proposed_weights"].values()) >= 0.05
    assert found["leader"] is None


async def test_without_units_the_split_is_even(client: Client[Any], workspace: Workspace) -> None:
    define(workspace)
    found = await allocate(client)
    assert found["standing"] == "insufficient_data"
    assert set(found["proposed_weights"].values()) == {0.25}
    assert found["next_call"] is None
