"""``neonblue demo``: a world with known truth, and what an agent is told about it."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neonblue.cli import demo_tables
from neonblue.demo.scenarios import SCENARIOS
from neonblue.errors import ConflictError

if TYPE_CHECKING:
    from fastmcp import Client
    from rich.console import Console

MARK = "demo-world.json"
CHART_NAME = "checkout_one_page.png"
SEED = 7


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the world is built, and from which seed."""
    parser.add_argument("--data-dir", type=Path, help="folder of the demo world (made anew)")
    parser.add_argument("--seed", type=int, default=SEED, help="another world, as well known")


def run(arguments: argparse.Namespace) -> int:
    """Build the world, ask the hub about it as a client would, show the answers."""
    from rich.console import Console

    console = Console()
    directory = (arguments.data_dir or _default_directory()).resolve()
    now = datetime.now(UTC)
    _make_anew(directory, now, arguments.seed)
    os.environ["NEONBLUE_DATA_DIR"] = str(directory)
    console.rule("[bold]NeonBlue demo[/]: experiments whose truth we know")
    built = _build(now, arguments.seed)
    console.print(
        f"{built['experiments']} experiments, {built['events']:,} events and "
        f"{built['past_tests']} past tests in {directory}",
        soft_wrap=True,
    )
    asyncio.run(_ask(console, directory))
    _print_configuration(console, directory)
    return 0


def _default_directory() -> Path:
    from neonblue.settings import default_data_dir

    return default_data_dir() / "demo"


def _make_anew(directory: Path, now: datetime, seed: int) -> None:
    """Empty a folder that an earlier demo made; refuse any other that is not empty."""
    if directory.exists() and any(directory.iterdir()):
        if not (directory / MARK).is_file():
            raise ConflictError(
                f"{str(directory)!r} is not empty and no demo made it: give another --data-dir"
            )
        shutil.rmtree(directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / MARK).write_text(json.dumps({"seed": seed, "made_at": now.isoformat()}))


def _build(now: datetime, seed: int) -> dict[str, Any]:
    from neonblue.cli.progress import progress_bar
    from neonblue.servers.embedded import run_job

    with progress_bar("building the demo world") as report:
        return run_job("demo", {"now": now.isoformat(), "seed": seed}, report)


async def _ask(console: Console, directory: Path) -> None:
    """The main tools, called as any client calls them."""
    console.print("starting the hub as a stdio MCP server and connecting to it …")
    async with _connected() as client:
        listing = await _call(console, client, "list_experiments", status="running")
        console.print(demo_tables.listing_table(listing))
        answers = [
            await _call(
                console,
                client,
                "analyze_experiment_performance",
                experiment_id=scenario.experiment_id,
            )
            for scenario in SCENARIOS
        ]
        console.print(demo_tables.verdict_table(answers, demo_tables.truths(SCENARIOS)))
        console.print(demo_tables.reasons_table(answers[0]))
        console.print(demo_tables.metrics_table(answers[0]))
        broken = await _call(
            console, client, "diagnose_experiment", experiment_id="search_suggestions"
        )
        console.print(demo_tables.diagnosis_table(broken))
        await _save_chart(console, client, directory)
        question = "fewer steps between cart and payment"
        similar = await _call(console, client, "semantic_experiment_search", query=question)
        console.print(demo_tables.memory_table(similar, question))


@asynccontextmanager
async def _connected() -> AsyncIterator[Client[Any]]:
    """A client of our own hub in a subprocess, as Claude Desktop or an IDE would have it."""
    from fastmcp import Client
    from fastmcp.client.transports import StdioTransport

    transport = StdioTransport(
        command=sys.executable,
        args=["-c", "from neonblue.cli import main; main(['serve'])"],
        env=dict(os.environ),
    )
    async with Client(transport) as client:
        yield client


async def _call(
    console: Console, client: Client[Any], tool: str, **arguments: str
) -> dict[str, Any]:
    with console.status(f"{tool} {' '.join(arguments.values())}"):
        result = await client.call_tool(tool, arguments)
    return dict(result.structured_content or {})


async def _save_chart(console: Console, client: Client[Any], directory: Path) -> None:
    import base64

    arguments = {"experiment_id": "checkout_one_page", "chart": "sequence"}
    with console.status("drawing the effect over time"):
        result = await client.call_tool("analyze_experiment_performance", arguments)
    for block in result.content:
        if block.type == "image":
            path = directory / CHART_NAME
            path.write_bytes(base64.b64decode(block.data))
            console.print(f"The effect of checkout_one_page over time: {path}\n", soft_wrap=True)


def _print_configuration(console: Console, directory: Path) -> None:
    """What to paste into a client so that it sees this world."""
    command = Path(sys.executable).parent / "neonblue"
    server = {
        "command": str(command) if command.exists() else "neonblue",
        "args": ["serve"],
        "env": {"NEONBLUE_DATA_DIR": str(directory)},
    }
    console.rule("[bold]Connect your own client to this world[/]")
    console.print("Claude Desktop, Cursor, Claude Code (.mcp.json):")
    console.print_json(json.dumps({"mcpServers": {"neonblue": server}}))
    console.print("VS Code (.vscode/mcp.json):")
    console.print_json(json.dumps({"servers": {"neonblue": {"type": "stdio"} | server}}))
    console.print('Then ask: "Review the experiment checkout_one_page."')
