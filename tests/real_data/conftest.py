"""The real command in a real process, on an empty data directory."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.client.transports import StdioTransport

NEONBLUE = Path(sys.executable).with_name("neonblue")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return os.environ | {"NEONBLUE_DATA_DIR": str(tmp_path / "data")}


@pytest.fixture
def load(environment: dict[str, str], tmp_path: Path) -> Callable[..., str]:
    """``neonblue load`` with these words; returns what it printed."""

    def run(*words: str | Path) -> str:
        command = [str(NEONBLUE), "load", *map(str, words)]
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def ask(environment: dict[str, str]) -> Callable[..., Any]:
    """One tool of the hub over stdio, in its own process."""

    async def call(tool: str, **arguments: Any) -> dict[str, Any]:
        transport = StdioTransport(
            command=str(NEONBLUE), args=["serve"], env=environment, keep_alive=False
        )
        async with Client(transport) as client:
            result = await client.call_tool(tool, arguments)
        return dict(result.structured_content or {})

    return call
