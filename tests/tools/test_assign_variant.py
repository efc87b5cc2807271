"""assign_variant: the same answer as the arithmetic, and exposures that count like any other."""

from typing import Any

import pytest
from fastmcp import Client
from fastmcp.exceptions import ToolError

from neonblue.experiments.plans import Proposal, record_plan
from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.models.eligibility import TargetingCondition
from neonblue.optimization.assignment import assign_by_weights, split_of
from neonblue.servers.hub import build
from neonblue.workspace import Workspace

UNITS = [f"user-{number}" for number in range(300)]
PLAN = Experiment(
    experiment_id="checkout",
    variants=(
        Variant(variant_id="control", is_control=True, value=False),
        Variant(variant_id="short", value=True),
    ),
    metrics=(MetricDefinition(name="bought", kind="proportion", event_type="purchase"),),
    targeting=(TargetingCondition(property="country", operator="in", values=("DE",)),),
)
GERMAN = {"experiment_id": "checkout", "properties": {"country": "DE", "email": "a@b.de"}}


@pytest.fixture
def running(workspace: Workspace) -> Workspace:
    record_plan(workspace.store, Proposal(experiment=PLAN, origin="tool"))
    return workspace


async def assign(client: Client[Any], **arguments: Any) -> dict[str, Any]:
    answer = await client.call_tool("assign_variant", arguments)
    assert answer.structured_content is not None
    return answer.structured_content


async def test_the_answer_is_the_published_arithmetic(
    running: Workspace, client: Client[Any]
) -> None:
    found = await assign(client, **GERMAN, unit_ids=UNITS)
    expected = assign_by_weights(split_of(PLAN), UNITS).tolist()
    got = [one["variant"] for one in found["assignments"]]
    assert got == [("control", "short")[index] for index in expected]
    assert [one["value"] for one in found["assignments"]] == [bool(index) for index in expected]
    assert found["units_by_variant"] == {"control": 300 - sum(expected), "short": sum(expected)}
    single = await assign(client, **GERMAN, unit_id=UNITS[7])
    assert single["assignments"] == [found["assignments"][7]]


async def test_who_takes_no_part_is_told_why(running: Workspace, client: Client[Any]) -> None:
    found = await assign(client, experiment_id="checkout", unit_id="user-1")
    assert found["assignments"] == [{"variant": None, "reason": "targeting", "value": None}]


async def test_exposures_are_events_once_a_unit(running: Workspace, client: Client[Any]) -> None:
    first = await assign(client, **GERMAN, unit_ids=UNITS[:20], record_exposure=True)
    again = await assign(client, **GERMAN, unit_ids=UNITS[:30], record_exposure=True)
    assert (first["exposures_recorded"], again["exposures_recorded"]) == (20, 10)
    stored = running.store.events.of_users(UNITS[:30])
    assert [(one.event_type, one.experiment_id) for one in stored] == [
        ("exposure", "checkout")
    ] * 30
    variants = [one["variant"] for one in again["assignments"]]
    assert {one.user_id: one.variant_id for one in stored} == dict(
        zip(UNITS[:30], variants, strict=True)
    )
    # Only what the plan names goes with the event: no address.
    assert {tuple(sorted(one.properties)) for one in stored} == {("country",)}
    counted = running.store.health.units_by_variant("checkout")
    assert sum(count.units for count in counted) == 30


async def test_without_being_asked_nothing_is_written(
    running: Workspace, client: Client[Any]
) -> None:
    await assign(client, **GERMAN, unit_ids=UNITS)
    assert running.store.events.count() == 0


async def test_a_read_only_server_assigns_and_records_nothing(running: Workspace) -> None:
    async with Client(build(read_only=True)) as client:
        assert (await assign(client, **GERMAN, unit_id="user-1"))["assignments"][0]["variant"]
        with pytest.raises(ToolError, match="read-only"):
            await assign(client, **GERMAN, unit_id="user-1", record_exposure=True)
    assert running.store.events.count() == 0


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({}, "either unit_id or unit_ids"),
        ({"unit_id": "a", "unit_ids": ["b"]}, "either unit_id or unit_ids"),
        ({"unit_id": "user", "experiment_id": "chekout"}, "did you mean 'checkout'"),
        ({"unit_ids": ["a", ""]}, "empty"),
    ],
)
async def test_what_cannot_be_assigned_is_said(
    running: Workspace, client: Client[Any], arguments: dict[str, Any], what: str
) -> None:
    with pytest.raises(ToolError, match=what):
        await assign(client, **{"experiment_id": "checkout", **arguments})
