"""The hub and its three servers as a client sees them."""

from typing import Any

import pytest
from fastmcp import Client

from neonblue.servers.hub import NAME, SURFACES, build
from neonblue.workspace import Workspace


async def test_the_hub_has_every_tool_of_the_three_servers_under_its_own_name(
    client: "Client[Any]",
) -> None:
    names = [tool.name for tool in await client.list_tools()]
    parts = [tool.name for name in SURFACES for tool in await build(name).list_tools()]
    assert sorted(names) == sorted(parts)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", [NAME, *SURFACES])
@pytest.mark.parametrize("era", ["legacy", "2026-07-28"])
async def test_every_server_serves_both_protocol_eras(
    name: str, era: str, workspace: Workspace
) -> None:
    async with Client(build(name), mode=era) as client:  # type: ignore[arg-type]
        await client.list_tools()


async def test_an_experiment_that_does_not_exist_is_one_message_with_the_next_step(
    client: "Client[Any]",
) -> None:
    with pytest.raises(Exception, match="list_experiments"):
        await client.read_resource("experiment://nope")
