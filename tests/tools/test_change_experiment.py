"""create_experiment and change_experiment, as an agent calls them, with a person's key beside."""

import json
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.exceptions import ToolError

from neonblue.errors import UnavailableError
from neonblue.servers.hub import build
from neonblue.workspace import Workspace

PLAN: dict[str, Any] = {
    "experiment_id": "checkout",
    "hypothesis": "Fewer steps sell more",
    "variants": [{"variant_id": "control", "is_control": True}, {"variant_id": "short"}],
    "metrics": [{"name": "bought", "event_type": "purchase", "mde": 0.2}],
    "planned_sample_size": 4000,
    "minimum_duration_days": 0,
    "circuit_breakers": [{"metric": "bought", "limit": 0.02, "side": "below"}],
}
ALONE = "autonomy = 'autonomous'\n[limits]\nincubation_days = 0\n"


async def create(client: Client[Any], **changes: Any) -> dict[str, Any]:
    answer = await client.call_tool("create_experiment", {"plan": {**PLAN, **changes}})
    return dict(answer.structured_content or {})


async def ask(client: Client[Any], action: str, **arguments: Any) -> dict[str, Any]:
    named = {"experiment_id": "checkout", "action": action, **arguments}
    answer = await client.call_tool("change_experiment", named)
    return dict(answer.structured_content or {})


async def history(client: Client[Any]) -> list[dict[str, Any]]:
    (contents,) = await client.read_resource("experiment://checkout")
    found: list[dict[str, Any]] = json.loads(contents.text)["history"]
    return found


@pytest.fixture
def traffic(add_units: Any) -> None:
    """An earlier experiment whose events say what there is."""
    add_units("earlier", {"control": 0.1, "b": 0.1}, 3000)


@pytest.mark.usefixtures("traffic")
async def test_a_plan_becomes_a_draft_and_the_same_again_changes_nothing(
    client: Client[Any],
) -> None:
    created = await create(client)
    assert (created["status"], created["state_version"], created["changed"]) == ("draft", 1, True)
    checks = {check["name"]: check["status"] for check in created["checks"]}
    assert checks == {
        "metric_events": "pass",
        "covariates": "pass",
        "traffic": "pass",
        "overlap": "pass",
        "circuit_breakers": "pass",
    }
    assert created["published"] == "off"
    assert not (await create(client))["changed"]
    replaced = await create(client, hypothesis="Another")
    assert (replaced["plan_version"], replaced["state_version"]) == (2, 2)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no control": (
        {"variants": [{"variant_id": "a"}, {"variant_id": "b"}]},
        "has 0 control variants: mark exactly one",
    ),
    "weights": (
        {
            "variants": [
                {"variant_id": "control", "is_control": True, "weight": 0.5},
                {"variant_id": "b", "weight": 0.4},
            ]
        },
        "sum to 0.9: make them sum to 1",
    ),
    "unknown metric": (
        {"metrics": [{"name": "bought", "event_type": "purchas"}]},
        "no such event was ever seen .*did you mean 'purchase'",
    ),
    "covariate": (
        {"metrics": [{"name": "bought", "event_type": "purchase", "covariate": "visit"}]},
        "covariate 'visit', which no exposure carries .*'visits'",
    ),
    "no breaker": ({"circuit_breakers": []}, "no circuit breaker is set: add circuit_breakers"),
    "breaker of nothing": (
        {"circuit_breakers": [{"metric": "x", "limit": 1, "side": "above"}]},
        "on 'x', which is no metric",
    ),
    "no size": ({"planned_sample_size": None}, "planned_sample_size is missing"),
    "no end": ({"planned_sample_size": 10_000_000}, "days, over 90"),
    "slip": ({"alfa": 0.01}, "alfa"),
}


@pytest.mark.usefixtures("traffic")
@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_run_is_refused_in_one_message_and_not_stored(
    client: Client[Any], workspace: Workspace, name: str
) -> None:
    changes, what = REFUSED[name]
    with pytest.raises(ToolError, match=what):
        await create(client, **changes)
    assert workspace.store.experiment_history.last_sequence() == 0


@pytest.mark.usefixtures("traffic")
async def test_an_id_that_is_taken_is_refused(client: Client[Any]) -> None:
    with pytest.raises(ToolError, match="3,000 units were seen in an experiment 'earlier'"):
        await create(client, experiment_id="earlier")


@pytest.mark.usefixtures("traffic")
async def test_a_start_waits_for_a_person_and_happens_once(
    client: Client[Any], workspace: Workspace, person: Any
) -> None:
    await create(client)
    waiting = await ask(client, "start", reason="go")
    assert (waiting["outcome"], waiting["status"]) == ("pending_approval", "draft")
    assert waiting["approval_command"] == f"neonblue approve {waiting['approval_id']}"
    assert (await ask(client, "start"))["approval_id"] == waiting["approval_id"]
    assert workspace.store.experiment_history.state_version("checkout") == 1
    person.approve(waiting["approval_id"])
    started = await ask(client, "start", reason="go")
    assert (started["outcome"], started["status"], started["changed"]) == ("done", "running", True)
    again = await ask(client, "start")
    assert (again["changed"], again["state_version"]) == (False, 2)
    newest = workspace.store.experiment_history.newest("checkout")
    assert newest is not None
    assert newest.details["approved_by"] == "ana"


@pytest.mark.usefixtures("traffic")
async def test_an_approval_is_void_once_the_draft_has_changed(
    client: Client[Any], person: Any
) -> None:
    await create(client)
    waiting = await ask(client, "start")
    person.approve(waiting["approval_id"])
    await create(client, alpha=0.1)
    assert (await ask(client, "start"))["outcome"] == "pending_approval"


@pytest.mark.usefixtures("traffic")
async def test_the_whole_life_under_a_signed_policy(
    client: Client[Any], person: Any, add_units: Any
) -> None:
    person.sign(ALONE)
    await create(client)
    await ask(client, "start")
    with pytest.raises(ToolError, match="cannot be concluded, its verdict is"):
        await ask(client, "conclude")
    add_units("checkout", {"control": 0.1, "short": 0.2}, 4400)
    assert (await ask(client, "pause"))["status"] == "paused"
    assert (await ask(client, "resume"))["status"] == "running"
    concluded = await ask(client, "conclude")
    assert (concluded["status"], concluded["winner"]) == ("concluded", "short")
    assert "verdict is ship" in concluded["details"][0]
    assert not (await ask(client, "conclude"))["changed"]
    for fraction in (0.1, 0.5, 1.0):
        step = await ask(client, "roll_out", roll_out_fraction=fraction)
        assert (step["status"], step["roll_out_fraction"]) == ("rolled_out", fraction)
    assert (await ask(client, "archive"))["outcome"] in ("done", "pending_approval")
    told = [(step["action"], step["status"]) for step in await history(client)]
    assert told[:6] == [
        ("define", "draft"),
        ("start", "running"),
        ("pause", "paused"),
        ("resume", "running"),
        ("conclude", "concluded"),
        ("roll_out", "rolled_out"),
    ]


@pytest.mark.usefixtures("traffic")
async def test_the_treatment_does_not_win_where_nothing_is_shown(
    client: Client[Any], person: Any, add_units: Any
) -> None:
    """Whatever is asked: the winner is the verdict's, and a wish for another changes nothing."""
    person.sign(ALONE)
    await create(client, maximum_sample_size=4000)
    await ask(client, "start")
    add_units("checkout", {"control": 0.1, "short": 0.1}, 4400)
    concluded = await ask(client, "conclude", winner="short")
    assert concluded["winner"] == "control"
    with pytest.raises(ToolError, match="concluded with the winner 'control'"):
        await ask(client, "roll_out", winner="short")


@pytest.mark.usefixtures("traffic")
async def test_a_stale_decision_and_an_impossible_move_ask_nobody(
    client: Client[Any], workspace: Workspace, person: Any
) -> None:
    await create(client)
    with pytest.raises(ToolError, match="at state version 1, not 7"):
        await ask(client, "start", expected_version=7)
    with pytest.raises(ToolError, match="is draft, so 'pause' cannot be done"):
        await ask(client, "pause")
    desk, authority = person.authority.desk, workspace.authority
    assert not [*desk.all(authority.approvers(), authority.now())]


@pytest.mark.usefixtures("traffic")
async def test_a_crash_between_approval_and_step_loses_neither(
    client: Client[Any], workspace: Workspace, person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create(client)
    waiting = await ask(client, "start")
    person.approve(waiting["approval_id"])

    def crash(*_: object, **__: object) -> None:
        raise RuntimeError("the process died")

    with monkeypatch.context() as patched:
        patched.setattr(workspace.store.experiment_history, "take", crash)
        with pytest.raises(ToolError):
            await ask(client, "start")
    assert workspace.store.experiments.get("checkout").status == "draft"
    assert (await ask(client, "start"))["status"] == "running"


@pytest.mark.usefixtures("traffic")
async def test_units_that_do_not_follow_the_new_weights_are_a_mismatch(
    client: Client[Any], person: Any, add_units: Any
) -> None:
    person.sign(ALONE)
    await create(client)
    await ask(client, "start")
    moved = await ask(client, "set_weights", weights={"control": 0.2, "short": 0.8})
    assert moved["current_weights"] == {"control": 0.2, "short": 0.8}
    assert "by the chances of each batch" in moved["details"][0]
    add_units("checkout", {"control": 0.1, "short": 0.1}, 2000)
    with pytest.raises(ToolError, match="its verdict is invalid"):
        await ask(client, "conclude")


async def test_a_read_only_server_offers_neither(workspace: Workspace) -> None:
    async with Client(build(read_only=True)) as reader:
        names = {tool.name for tool in await reader.list_tools()}
        assert not names & {"create_experiment", "change_experiment"}
        with pytest.raises(ToolError):
            await reader.call_tool("change_experiment", {"experiment_id": "x", "action": "stop"})


async def test_annotations_say_what_they_do(client: Client[Any]) -> None:
    marks = {tool.name: tool.annotations for tool in await client.list_tools()}
    created, changed = marks["create_experiment"], marks["change_experiment"]
    assert created is not None
    assert changed is not None
    assert (created.read_only_hint, created.destructive_hint) == (False, False)
    assert (changed.read_only_hint, changed.destructive_hint) == (False, True)


@pytest.mark.usefixtures("traffic")
async def test_a_store_that_is_away_leaves_no_draft(
    client: Client[Any], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise UnavailableError("ClickHouse is away: start it")

    with monkeypatch.context() as patched:
        patched.setattr(workspace.store.database, "insert_rows", away)
        with pytest.raises(ToolError, match="ClickHouse is away"):
            await create(client)
    assert (await create(client))["state_version"] == 1
