"""Approving over HTTP: a person's token can, an agent's cannot even see how."""

import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
from fastmcp.exceptions import ToolError

from neonblue.optimization.acts import Actor
from neonblue.optimization.approve_token import new_token
from neonblue.optimization.approvers import Approver, read_approvers, write_approvers
from neonblue.optimization.permission import PendingApproval
from neonblue.optimization.signatures import SigningKey
from neonblue.workspace import open_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from tests.services.http_process import StartHttp

AGENT = Actor(kind="agent", name="test")
ANA = SigningKey.of_seed(bytes(range(32)))


def prepared() -> tuple[str, str]:
    """A request that waits, and a registered token; nobody has the data open afterwards."""
    token, key = new_token()
    with open_workspace() as workspace:
        path = workspace.authority.files.approvers
        for method, public_key in (("key", ANA.public_key), ("token", key.public_key)):
            approver = Approver(name="ana", method=method, public_key=public_key, added_at="")  # type: ignore[arg-type]
            known = read_approvers(path)
            write_approvers(path, [*known.entries, known.with_entry("add", approver, ANA)])
        act = workspace.authority.act("start", "checkout", {"weights": {"control": 1, "b": 1}}, 0)
        asked = workspace.authority.decide(act, AGENT)
        assert isinstance(asked, PendingApproval)
        return token, asked.approval_id


def status(address: str, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(address, data=b"{}", headers=headers, method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    return refused.value.code


async def tools(address: str, token: str) -> set[str]:
    async with Client(StreamableHttpTransport(address, auth=token)) as client:
        return {tool.name for tool in await client.list_tools()}


@pytest.mark.parametrize("era", ["legacy", "2026-07-28"])
async def test_a_token_of_scope_approve_grants_and_no_other_sees_how(
    data_dir: "Path", start_http: "StartHttp", era: Any
) -> None:
    token, approval_id = prepared()
    address = start_http(NEONBLUE_HTTP_TOKEN="agent", NEONBLUE_HTTP_READ_TOKEN="reader")
    assert "grant_approval" not in await tools(address, "agent") | await tools(address, "reader")
    seen = await tools(address, token)
    assert "grant_approval" in seen
    assert "stop_all" not in seen
    order = {"approval_id": approval_id}
    for agent in ("agent", "reader"):
        async with Client(StreamableHttpTransport(address, auth=agent), mode=era) as client:
            with pytest.raises(ToolError):
                await client.call_tool("grant_approval", order)
    forged, _ = new_token()
    assert status(address, forged) == 401
    async with Client(StreamableHttpTransport(address, auth=token), mode=era) as client:
        answer = await client.call_tool("grant_approval", order)
        assert answer.structured_content is not None
        assert answer.structured_content["approved_by"] == "ana"
    async with Client(StreamableHttpTransport(address, auth="agent"), mode=era) as client:
        review = await client.call_tool("review_approvals", {})
        assert review.structured_content is not None
        assert review.structured_content["approvals"][0]["state"] == "granted"


async def test_it_works_through_another_process_that_owns_the_data(
    data_dir: "Path", start_http: "StartHttp", start_server: Any
) -> None:
    token, approval_id = prepared()
    start_server().initialize()
    address = start_http(NEONBLUE_HTTP_TOKEN="agent")
    assert "grant_approval" not in await tools(address, "agent")
    async with Client(StreamableHttpTransport(address, auth=token)) as client:
        answer = await client.call_tool("grant_approval", {"approval_id": approval_id})
        assert answer.structured_content is not None
        assert answer.structured_content["approved_by"] == "ana"
    async with Client(StreamableHttpTransport(address, auth="agent")) as client:
        review = await client.call_tool("review_approvals", {})
        assert review.structured_content is not None
        assert review.structured_content["approvals"][0]["approved_by"] == "ana"
