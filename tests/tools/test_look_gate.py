"""Whatever shows outcomes by variant goes through one gate; a read-only server writes nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fastmcp import Client
from fastmcp.exceptions import ToolError

from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.servers.hub import build
from neonblue.stores.events import event_schema
from neonblue.workspace import Workspace

UNITS = 1_600
EXPERIMENT = {"experiment_id": "exp"}
STEPS = {"steps": ["exposure", "purchase"]}
# Every tool with a call that it answers. A new tool has to be put into one of these.
BY_VARIANT: dict[str, dict[str, Any]] = {
    "analyze_experiment_performance": EXPERIMENT,
    "analyze_funnel": {**STEPS, **EXPERIMENT, "breakdown": "variant"},
    "calibrate": {**EXPERIMENT, "resplits": 20},
    "discover_segments": EXPERIMENT,
    "personalize_experiment_experience": {**EXPERIMENT, "user_id": "u1"},
    "recommend_experiment_optimization": EXPERIMENT,
    "run_analytics_sql": {
        "sql": "SELECT variant_id, count() FROM events WHERE experiment_id = 'exp' GROUP BY 1"
    },
}

BY_VARIANT_IN_SOME_FINDINGS: dict[str, dict[str, Any]] = {"diagnose_experiment": EXPERIMENT}
NOT_BY_VARIANT: dict[str, dict[str, Any]] = {
    "list_experiments": {},
    "change_experiment": {**EXPERIMENT, "action": "pause"},
    "create_experiment": {},
    "review_approvals": {},
    "stop_all": {},
    "assign_variant": {**EXPERIMENT, "unit_id": "u1"},
    "run_optimization_cycle": {"goal": "sell more", "success_event": "purchase"},
    "simulate_policy": {"experiments": 1},
    "tune_parameters": {"study_id": "s", "space": {"price": [1, 2]}},
    "evolve_variants": {"study_id": "s"},
    "design_experiment": {"metric_kind": "proportion", "baseline": 0.1, "mde": 0.1},
    "semantic_experiment_search": {"query": "checkout"},
    "predict_experiment_outcome": {"config": {"name": "Shorter form", "metric": "purchase"}},
    "forecast_calibration": {},
    "recommend_experiments": {"goal": "more purchases"},
    "list_catalog": {},
    "natural_language_query": {"question": "How many purchases were there?"},
    "get_user_journey": {"user_id": "u1"},
    "find_similar_journeys": {"user_id": "u1"},
    "predict_user_behavior": {"user_id": "u1"},
}
BY_VARIANT_WHILE_IT_RUNS: dict[str, dict[str, Any]] = {
    "allocate_traffic": EXPERIMENT,
    "optimize_ongoing_experiment": EXPERIMENT,
}
EVERY = {
    **BY_VARIANT,
    **BY_VARIANT_IN_SOME_FINDINGS,
    **BY_VARIANT_WHILE_IT_RUNS,
    **NOT_BY_VARIANT,
}
REFUSED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("analyze_experiment_performance", {**EXPERIMENT, "metrics": ["nope"]}),
    ("analyze_experiment_performance", {**EXPERIMENT, "segment_by": "nope"}),
    ("analyze_experiment_performance", {**EXPERIMENT, "chart": "forest"}),
    ("analyze_experiment_performance", {**EXPERIMENT, "chart": "pie"}),
    ("analyze_funnel", {"steps": ["a", "a"], **EXPERIMENT, "breakdown": "variant"}),
    ("personalize_experiment_experience", {**EXPERIMENT, "user_id": "u1", "metric": "nope"}),
    ("personalize_experiment_experience", {**EXPERIMENT, "user_id": ""}),
)


@pytest.fixture
def stopped(workspace: Workspace) -> Workspace:
    """An experiment that ended before anybody looked, with a property that names the variant."""
    _fill(workspace, "stopped")
    return workspace


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Workspace:
    """The same in a process that is read-only."""
    monkeypatch.setenv("NEONBLUE_READ_ONLY", "1")
    opened: Workspace = request.getfixturevalue("stopped")
    return opened


def _fill(workspace: Workspace, status: Any) -> None:
    rng, now = np.random.default_rng(4), datetime.now(UTC)
    bought = MetricDefinition(name="bought", kind="proportion", event_type="purchase", mde=0.1)
    variants = (Variant(variant_id="control", is_control=True), Variant(variant_id="treatment"))
    workspace.store.experiments.save(
        Experiment(experiment_id="exp", variants=variants, metrics=(bought,), status=status)
    )
    rows = []
    for unit in range(UNITS):
        moment = now - timedelta(hours=float(rng.uniform(1, 200)))
        stem = {
            "user_id": f"u{unit}",
            "experiment_id": "exp",
            "variant_id": ("control", "treatment")[unit % 2],
            "session_id": "",
            "properties": [("country", ("DE", "US")[unit % 3 % 2]), ("cell", "AB"[unit % 2])],
            "source": "test",
        }
        rows.append(stem | {"event_id": f"x{unit}", "event_type": "exposure", "timestamp": moment})
        if rng.random() < 0.3:
            later = {"event_type": "purchase", "timestamp": moment + timedelta(minutes=1)}
            rows.append(stem | {"event_id": f"p{unit}"} | later)
    workspace.store.events.insert(pa.Table.from_pylist(rows, schema=event_schema()))


def _tables(workspace: Workspace) -> dict[str, tuple[int, str]]:
    """Rows and a checksum of every table; the engine's own are not among them."""
    database = workspace.store.database
    names = [
        name
        for (name,) in database.rows(
            "SELECT name FROM system.tables WHERE database = currentDatabase() "
            "AND endsWith(engine, 'MergeTree') ORDER BY name"
        )
    ]
    return {
        name: database.rows(
            "SELECT count(), toString(groupBitXor(cityHash64(*))) FROM {name:Identifier}",
            {"name": name},
        )[0]
        for name in names
    }


def _looked(workspace: Workspace) -> list[str]:
    rows = workspace.store.database.rows("SELECT tool FROM looks WHERE metric = ''")
    return [tool for (tool,) in rows]


async def test_every_tool_is_classified(client: Client[Any]) -> None:
    """A tool that is in none of these has to say whether it shows outcomes by variant."""
    assert {tool.name for tool in await client.list_tools()} == EVERY.keys()


@pytest.mark.parametrize("tool", BY_VARIANT)
async def test_what_shows_outcomes_by_variant_is_a_look_of_that_tool(
    stopped: Workspace, client: Client[Any], tool: str
) -> None:
    await client.call_tool(tool, BY_VARIANT[tool])
    assert tool in _looked(stopped)


@pytest.mark.parametrize("tool", BY_VARIANT_WHILE_IT_RUNS)
async def test_what_is_asked_of_running_experiments_alone_is_a_look_of_that_tool(
    workspace: Workspace, client: Client[Any], tool: str
) -> None:
    _fill(workspace, "stopped")
    arguments = BY_VARIANT_WHILE_IT_RUNS[tool]
    await client.call_tool(tool, arguments, raise_on_error=False)
    assert tool not in _looked(workspace)
    workspace.store.experiments.set_status("exp", "running", reason="", actor="test")
    await client.call_tool(tool, arguments)
    assert _looked(workspace).count(tool) == 1


async def test_nothing_else_is_a_look(stopped: Workspace, client: Client[Any]) -> None:
    stopped.learner.catch_up(at_once=True)  # what is remembered counts as read, once
    before = _looked(stopped)
    for tool, arguments in NOT_BY_VARIANT.items():
        await client.call_tool(tool, arguments, raise_on_error=False)
    assert _looked(stopped) == before


@pytest.mark.parametrize("call", REFUSED, ids=lambda call: str(list(call[1].items())[-1]))
async def test_a_refused_call_is_no_look(
    stopped: Workspace, client: Client[Any], call: tuple[str, dict[str, Any]]
) -> None:
    with pytest.raises(ToolError):
        await client.call_tool(*call)
    assert _looked(stopped) == []


@pytest.mark.parametrize("breakdown", ["variant", "cell"])
async def test_a_funnel_by_variant_waits_while_it_runs(
    workspace: Workspace, client: Client[Any], breakdown: str
) -> None:
    """Also by a property that says the variant in other words."""
    _fill(workspace, "running")
    arguments = {**STEPS, **EXPERIMENT, "breakdown": breakdown}
    answer = dict((await client.call_tool("analyze_funnel", arguments)).structured_content or {})
    assert [one["slice"] for one in answer["funnels"]] == [""]
    assert "everybody is shown, not the variants" in answer["detail"]
    assert _looked(workspace) == []


async def test_no_experiment_in_the_question_is_no_way_round(
    workspace: Workspace, client: Client[Any]
) -> None:
    """A property that tells the variant, of the exposures or of the purchases alone."""
    _fill(workspace, "running")
    now = datetime.now(UTC)
    purchases = [
        {
            "user_id": f"u{unit}",
            "experiment_id": "exp",
            "variant_id": "",
            "session_id": "",
            "properties": [("grp", ("old", "new")[unit % 2])],
            "source": "test",
            "event_id": f"g{unit}",
            "event_type": "purchase",
            "timestamp": now,
        }
        for unit in range(0, UNITS, 3)
    ]
    workspace.store.events.insert(pa.Table.from_pylist(purchases, schema=event_schema()))
    for breakdown in ("cell", "grp"):
        arguments = {**STEPS, "breakdown": breakdown}
        answer = dict(
            (await client.call_tool("analyze_funnel", arguments)).structured_content or {}
        )
        assert [one["slice"] for one in answer["funnels"]] == [""], breakdown
    assert _looked(workspace) == []


def _pages(workspace: Workspace) -> None:
    """The treatment sees a page of its own, and everybody the cart."""
    stem = {"experiment_id": "exp", "variant_id": "", "session_id": "", "properties": []}
    rows = [
        stem
        | {"user_id": f"u{unit}", "event_id": f"{page}{unit}", "event_type": page}
        | {"timestamp": datetime.now(UTC), "source": "test"}
        for unit in range(UNITS)
        for page in (("old_page", "new_page")[unit % 2], "cart")
    ]
    workspace.store.events.insert(pa.Table.from_pylist(rows, schema=event_schema()))


@pytest.mark.parametrize("scope", [EXPERIMENT, {}], ids=["with experiment", "without"])
async def test_a_funnel_through_a_step_of_one_variant_is_a_look(
    workspace: Workspace, client: Client[Any], scope: dict[str, Any]
) -> None:
    """Who asks how many of those on the new page buy has asked how many treated units buy."""
    _fill(workspace, "running")
    _pages(workspace)
    for steps in (["new_page", "purchase"], ["exposure", "old_page", "purchase"]):
        with pytest.raises(ToolError, match="which one variant alone has"):
            await client.call_tool("analyze_funnel", {"steps": steps, **scope})
    await client.call_tool("analyze_funnel", {"steps": ["cart", "purchase"], **scope})
    assert _looked(workspace) == []
    workspace.store.experiments.set_status("exp", "stopped", reason="", actor="test")
    await client.call_tool("analyze_funnel", {"steps": ["new_page", "purchase"], **scope})
    assert _looked(workspace) == ["analyze_funnel"]


async def test_the_baseline_of_a_running_experiment_is_a_look(
    workspace: Workspace, client: Client[Any]
) -> None:
    _fill(workspace, "running")
    with pytest.raises(ToolError, match="baseline of its control"):
        await client.call_tool("design_experiment", {"mde": 0.1, "like_experiment": "exp"})
    assert _looked(workspace) == []


async def test_a_funnel_by_another_property_is_shown(
    workspace: Workspace, client: Client[Any]
) -> None:
    _fill(workspace, "running")
    arguments = {**STEPS, **EXPERIMENT, "breakdown": "country"}
    answer = dict((await client.call_tool("analyze_funnel", arguments)).structured_content or {})
    assert len(answer["funnels"]) == 2


async def test_read_only_writes_nothing_whatever_is_called(sealed: Workspace) -> None:
    before = _tables(sealed)
    async with Client(build(read_only=True)) as client:
        for tool in await client.list_tools():
            result = await client.call_tool(tool.name, EVERY[tool.name], raise_on_error=False)
            assert "writes nothing" not in str(result.content), tool.name
            assert _tables(sealed) == before, tool.name


async def test_read_only_withholds_what_holds_for_one_look_and_says_so(
    stopped: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Client(build(read_only=True)) as client:
        found = await client.call_tool("analyze_experiment_performance", EXPERIMENT)
        unread = dict(found.structured_content or {})
        assert unread["metrics"][0]["status"] == "withheld"
        assert "nobody has read these results yet" in str(unread["verdict"])
    async with Client(build()) as client:
        await client.call_tool("analyze_experiment_performance", EXPERIMENT)
    monkeypatch.setenv("NEONBLUE_READ_ONLY", "1")
    async with Client(build(read_only=True)) as client:
        found = await client.call_tool("analyze_experiment_performance", EXPERIMENT)
        answer = dict(found.structured_content or {})
        assert answer["look"]["recorded"] is False
        assert "read-only" in answer["look"]["detail"]
        assert answer["metrics"][0]["comparisons"][0].get("fixed_horizon") is None
        assert answer["statistical_significance"]["method"] == "anytime_valid"
        for verdict in (unread["verdict"], answer["verdict"]):
            assert verdict["decision"] == "review"
            assert "ask a server that records" in verdict["next_step"]
            assert "control" not in verdict["next_step"]
        by_variant = BY_VARIANT["analyze_funnel"]
        funnel = dict(
            (await client.call_tool("analyze_funnel", by_variant)).structured_content or {}
        )
        assert "read-only" in funnel["detail"]
        with pytest.raises(ToolError, match="read-only"):
            await client.call_tool(
                "personalize_experiment_experience",
                BY_VARIANT["personalize_experiment_experience"],
            )


async def test_annotations_say_which_tools_keep_a_record(client: Client[Any]) -> None:
    tools = await client.list_tools()
    silent = {t.name for t in tools if t.annotations and t.annotations.read_only_hint}
    assert silent == {"evolve_variants", "list_catalog", "list_experiments", "simulate_policy"}
