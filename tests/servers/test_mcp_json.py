"""Every entry of mcp.json starts as a client would start it."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.client.transports import StdioTransport

from neonblue.servers.hub import NAME, SURFACES, build

CONFIGURATION = Path(__file__).parents[2] / "mcp.json"
ENTRIES: dict[str, dict[str, Any]] = json.loads(CONFIGURATION.read_text())["mcpServers"]


def test_the_hub_and_the_three_servers_have_an_entry() -> None:
    assert set(ENTRIES) == {NAME, *SURFACES}


@pytest.mark.parametrize("name", ENTRIES)
@pytest.mark.parametrize("era", ["legacy", "2026-07-28"])
async def test_the_entry_starts_and_lists_its_tools(name: str, era: Any, data_dir: Path) -> None:
    transport = StdioTransport(
        ENTRIES[name]["command"],
        ENTRIES[name]["args"],
        env={
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "NEONBLUE_DATA_DIR": str(data_dir),
        },
        keep_alive=False,
    )
    async with Client(transport, mode=era) as client:
        listed = {tool.name for tool in await client.list_tools()}
    assert listed == {tool.name for tool in await build(name).list_tools()}
