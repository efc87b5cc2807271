"""Approvals over MCP: an agent sees and withdraws them; only a person's code grants one."""

import asyncio
import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.client.elicitation import ElicitResult
from fastmcp.exceptions import ToolError

from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.optimization import totp
from neonblue.optimization.acts import Act, Actor
from neonblue.optimization.approval_desk import Grant, grant_statement
from neonblue.optimization.approvers import Approver, read_approvers, write_approvers
from neonblue.optimization.one_time_code import code_digest, new_code
from neonblue.optimization.permission import Allowed, PendingApproval
from neonblue.optimization.signatures import SigningKey
from neonblue.servers.hub import build
from neonblue.tools import elicited_code
from neonblue.workspace import Workspace

ERAS = ["legacy", "2026-07-28"]
AGENT = Actor(kind="agent", name="test")
ANA = SigningKey.of_seed(bytes(range(32)))


@pytest.fixture
def act(workspace: Workspace) -> Act:
    """A start that waits for ana."""
    register(workspace, "key", ANA)
    workspace.store.experiments.save(
        Experiment(
            experiment_id="checkout",
            status="draft",
            variants=(Variant(variant_id="control", is_control=True), Variant(variant_id="b")),
            metrics=(MetricDefinition(name="revenue", kind="mean", event_type="buy"),),
        )
    )
    return workspace.authority.act("start", "checkout", {}, 1)


@pytest.fixture
def waiting(workspace: Workspace, act: Act) -> str:
    asked = workspace.authority.decide(act, AGENT, figures={"units_watched": 12_000})
    assert isinstance(asked, PendingApproval)
    return asked.approval_id


def register(workspace: Workspace, method: Any, key: SigningKey) -> None:
    path = workspace.authority.files.approvers
    known = read_approvers(path)
    approver = Approver(name="ana", method=method, public_key=key.public_key, added_at="")
    write_approvers(path, [*known.entries, known.with_entry("add", approver, ANA)])


def leave_code(workspace: Workspace, act: Act, approval_id: str, minutes: float = 15) -> str:
    """What `neonblue approver code` does with the key."""
    code = new_code()
    digest = code_digest(code, approval_id)
    expires_at = (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()
    signed = grant_statement(
        approval_id=approval_id, digest=act.digest(), expires_at=expires_at, code=digest
    )
    grant = Grant(
        approval_id=approval_id,
        digest=act.digest(),
        expires_at=expires_at,
        public_key=ANA.public_key,
        signature=ANA.sign(signed),
    )
    workspace.codes.leave(grant, digest)
    return code


async def reviewed(client: "Client[Any]", **arguments: Any) -> dict[str, Any]:
    answer = await client.call_tool("review_approvals", arguments)
    assert isinstance(answer.structured_content, dict)
    return answer.structured_content


def is_allowed(workspace: Workspace, act: Act) -> bool:
    return isinstance(workspace.authority.decide(act, AGENT), Allowed)


@pytest.mark.parametrize("era", ERAS)
async def test_the_person_types_the_code_into_the_client(
    workspace: Workspace, act: Act, waiting: str, era: Any
) -> None:
    code = leave_code(workspace, act, waiting)
    shown: list[str] = []

    async def person(message: str, *_: Any) -> Any:
        shown.append(message)
        field = "value" if era == "legacy" else "code"
        return ElicitResult(action="accept", content={field: code.lower()})

    async with Client(build(), mode=era, elicitation_handler=person) as client:
        answer = await reviewed(client, approval_id=waiting)
    assert "start of experiment checkout" in shown[0]
    assert answer["approvals"][0]["state"] == "granted"
    assert answer["approvals"][0]["approved_by"] == "ana"
    assert is_allowed(workspace, act)
    assert not is_allowed(workspace, act)


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_that_accepts_by_itself_approves_nothing(
    workspace: Workspace, act: Act, waiting: str, era: Any
) -> None:
    leave_code(workspace, act, waiting)
    contents: list[Any] = [{}, {"code": ""}, {"value": "yes"}, {"confirm": True}, None]

    async def eager(*_: Any) -> Any:
        return ElicitResult(action="accept", content=contents.pop())

    async with Client(build(), mode=era, elicitation_handler=eager) as client:
        while contents:
            with contextlib.suppress(ToolError):
                answer = await reviewed(client, approval_id=waiting)
                assert answer["approvals"][0]["state"] == "waiting"
    assert not is_allowed(workspace, act)


async def test_who_declines_leaves_the_request(
    workspace: Workspace, act: Act, waiting: str
) -> None:
    for era, action in (("legacy", "decline"), ("2026-07-28", "cancel")):

        async def person(*_: Any, said: Any = action) -> Any:
            return ElicitResult(action=said)

        mode: Any = era
        async with Client(build(), mode=mode, elicitation_handler=person) as client:
            answer = await reviewed(client, approval_id=waiting)
    assert answer["approvals"][0]["command"] == f"neonblue approve {waiting}"
    assert not is_allowed(workspace, act)


async def test_a_client_that_never_answers_costs_some_seconds_and_no_approval(
    workspace: Workspace, act: Act, waiting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elicited_code, "PATIENCE_SECONDS", 1.0)

    async def asleep(*_: Any) -> Any:
        await asyncio.sleep(600)

    async with Client(build(), mode="legacy", elicitation_handler=asleep) as client:
        answer = await reviewed(client, approval_id=waiting)
    assert f"neonblue approve ID` at a terminal, ID being {waiting}" in answer["next_step"]
    assert answer["approvals"][0]["state"] == "waiting"
    assert not is_allowed(workspace, act)


async def test_without_elicitation_the_command_is_told(client: "Client[Any]", waiting: str) -> None:
    answer = await reviewed(client, approval_id=waiting)
    assert answer["approvals"][0]["command"] == f"neonblue approve {waiting}"
    assert answer["approvals"][0]["figures"] == {"units_watched": 12_000}


async def test_wrong_codes_are_counted_and_lock_the_request(
    client: "Client[Any]", workspace: Workspace, act: Act, waiting: str
) -> None:
    code = leave_code(workspace, act, waiting)
    for _ in range(5):
        with pytest.raises(ToolError, match="does not approve"):
            await reviewed(client, approval_id=waiting, code="AAAAA-AAAAA")
    answer = await reviewed(client, approval_id=waiting, code=code)
    assert answer["approvals"][0]["state"] == "locked"
    assert not is_allowed(workspace, act)


async def test_other_requests_bring_no_more_tries(
    client: "Client[Any]", workspace: Workspace, act: Act
) -> None:
    tried = 0
    for number in range(4):
        other = workspace.authority.act("start", "checkout", {"n": number}, 1)
        asked = workspace.authority.decide(other, AGENT)
        assert isinstance(asked, PendingApproval)
        for _ in range(4):
            with pytest.raises(ToolError) as refused:
                await reviewed(client, approval_id=asked.approval_id, code="000000")
            tried += "does not approve" in str(refused.value)
    assert tried == 10


async def test_a_code_is_for_one_request_and_for_minutes(
    client: "Client[Any]", workspace: Workspace, act: Act, waiting: str
) -> None:
    code = leave_code(workspace, act, waiting)
    late = leave_code(workspace, act, waiting, minutes=-1)
    other = workspace.authority.act("start", "checkout", {"weights": {"control": 1, "b": 1}}, 1)
    asked = workspace.authority.decide(other, AGENT)
    assert isinstance(asked, PendingApproval)
    with pytest.raises(ToolError):
        await reviewed(client, approval_id=asked.approval_id, code=code)
    with pytest.raises(ToolError):
        await reviewed(client, approval_id=waiting, code=late)
    assert not is_allowed(workspace, act)
    assert not is_allowed(workspace, other)


async def test_a_code_of_the_authenticator_app_approves_once(
    client: "Client[Any]", workspace: Workspace, act: Act, waiting: str
) -> None:
    secret = totp.new_secret()
    totp.keep_secret(totp.secret_path(workspace.authority.files.totp, "ana"), secret)
    register(workspace, "totp", totp.key_of_secret(secret))
    code = totp.code_at(secret, int(datetime.now(UTC).timestamp()) // 30).decode()
    await reviewed(client, approval_id=waiting, code=code)
    assert is_allowed(workspace, act)
    again = workspace.authority.decide(act, AGENT)
    assert isinstance(again, PendingApproval)
    with pytest.raises(ToolError, match="does not approve"):
        await reviewed(client, approval_id=again.approval_id, code=code)


async def test_a_secret_that_nobody_registered_makes_no_codes(
    client: "Client[Any]", workspace: Workspace, act: Act, waiting: str
) -> None:
    secret = totp.new_secret()
    totp.keep_secret(totp.secret_path(workspace.authority.files.totp, "ana"), secret)
    code = totp.code_at(secret, int(datetime.now(UTC).timestamp()) // 30).decode()
    with pytest.raises(ToolError):
        await reviewed(client, approval_id=waiting, code=code)
    assert not is_allowed(workspace, act)


async def test_an_agent_may_withdraw_and_stop_but_not_lift(
    client: "Client[Any]", workspace: Workspace, act: Act, waiting: str
) -> None:
    answer = await reviewed(client, approval_id=waiting, deny=True)
    assert answer["approvals"][0]["state"] == "denied"
    stopped = await client.call_tool("stop_all", {"reason": "test"})
    assert stopped.structured_content is not None
    assert "neonblue stop-all --lift" in stopped.structured_content["next_step"]
    assert (await reviewed(client))["halted"].endswith("test")


async def test_the_audit_log_is_read_as_resources(
    client: "Client[Any]", act: Act, waiting: str
) -> None:
    (log,) = await client.read_resource("audit://log")
    read = json.loads(log.text)  # type: ignore[union-attr]
    assert read["check"]["unbroken"]
    assert read["entries"][0]["event"] == "asked"
    (one,) = await client.read_resource(f"audit://entry/{read['entries'][0]['entry_id']}")
    assert json.loads(one.text)["content"]["digest"] == act.digest()  # type: ignore[union-attr]
    (its,) = await client.read_resource("audit://experiment/checkout")
    assert len(json.loads(its.text)["entries"]) == 1  # type: ignore[union-attr]
