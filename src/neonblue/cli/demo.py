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
from neonblue.errors import ConflictError, UnavailableError

if TYPE_CHECKING:
    from fastmcp import Client
    from rich.console import Console

MARK = "demo-world.json"
CHART_NAME = "checkout_one_page.png"
SEED = 7
LOOP_SECONDS = 150.0
DATABASES = ("NEONBLUE_CLICKHOUSE_DSN", "CLICKHOUSE_DSN")
SERVERS = {"CHROMADB_HOST": "Chroma", "KAFKA_BOOTSTRAP_SERVERS": "Kafka"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the world is built, and from which seed."""
    parser.add_argument(
        "--data-dir",
        type=Path,
        help="folder of the demo world, made anew (default: NEONBLUE_DATA_DIR, or a folder of its "
        "own)",
    )
    parser.add_argument(
        "--into-configured-server",
        action="store_true",
        help="write the world into the ClickHouse, Chroma and Kafka that are configured, instead "
        "of into the folder alone",
    )
    parser.add_argument(
        "--loop",
        action="store_true",
        help="play the whole road from a goal to a rolled-out winner with a simulated platform, "
        "in under three minutes",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=LOOP_SECONDS,
        help=f"with --loop: when to end it at the latest (default {LOOP_SECONDS:.0f})",
    )
    parser.add_argument("--seed", type=int, default=SEED, help="another world, as well known")


def run(arguments: argparse.Namespace) -> int:
    """Build the world, ask the hub about it as a client would, show the answers."""
    from fastmcp.exceptions import FastMCPError
    from mcp.shared.exceptions import MCPError
    from rich.console import Console

    console = Console()
    directory = (arguments.data_dir or _default_directory(arguments.loop)).resolve()
    now = datetime.now(UTC)
    os.environ["NEONBLUE_DATA_DIR"] = str(directory)
    left_alone = [] if arguments.into_configured_server else _leave_servers_alone()
    _make_anew(directory, now, arguments.seed)
    what = (
        "the loop, from a goal to a lesson" if arguments.loop else "experiments whose truth we know"
    )
    console.rule(f"[bold]NeonBlue demo[/]: {what}")
    if left_alone:
        console.print(
            f"{' and '.join(left_alone)} left alone: the world is in the folder. "
            "--into-configured-server writes it there.",
            soft_wrap=True,
        )
    if arguments.loop:
        from neonblue.cli.demo_loop import run_loop_demo

        return run_loop_demo(console, directory, seed=arguments.seed, seconds=arguments.seconds)
    built = _build(now, arguments.seed)
    console.print(
        f"{built['experiments']} experiments, {built['events']:,} events and "
        f"{built['past_tests']} past tests in {directory}",
        soft_wrap=True,
    )
    try:
        asyncio.run(_ask(console, directory))
    except (FastMCPError, MCPError, OSError, RuntimeError) as error:
        raise UnavailableError(
            f"the world is built, but its server does not answer ({error}): ask it with "
            f"`NEONBLUE_DATA_DIR={directory} neonblue call list_experiments`"
        ) from error
    _print_configuration(console, directory)
    return 0


def _default_directory(loop: bool) -> Path:
    """NEONBLUE_DATA_DIR, else the folder ``demo`` or ``demo-loop`` in the default place."""
    from neonblue.settings import StoreSettings, default_data_dir

    if os.environ.get("NEONBLUE_DATA_DIR"):
        return StoreSettings().data_dir
    return default_data_dir() / ("demo-loop" if loop else "demo")


def _leave_servers_alone() -> list[str]:
    """Configure the embedded parts for this process and the hub it starts; what was configured."""
    from neonblue.settings import StoreSettings

    left = [] if StoreSettings().embedded else ["ClickHouse"]
    for name in DATABASES:
        os.environ.pop(name, None)
    for name, part in SERVERS.items():
        if os.environ.pop(name, None):
            left.append(part)
    return left


def _make_anew(directory: Path, now: datetime, seed: int) -> None:
    """Empty a folder that an earlier demo made; refuse any other, and one that is in use."""
    from neonblue.owner.lock import LOCK_FILE, claim, find_address

    if directory.exists() and not directory.is_dir():
        raise ConflictError(f"{str(directory)!r} is a file: give another --data-dir")
    if directory.exists() and any(directory.iterdir()) and not (directory / MARK).is_file():
        raise ConflictError(
            f"{str(directory)!r} is not empty and no demo made it: give another --data-dir"
        )
    ownership = claim(directory)
    if ownership is None:
        owner = find_address(directory)
        who = f"process {owner.pid}" if owner else "another process"
        raise ConflictError(
            f"{who} works with {str(directory)!r}: end it (a client that has this server open), "
            "or give another --data-dir"
        )
    try:
        for entry in directory.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != LOCK_FILE:
                entry.unlink()
        (directory / MARK).write_text(json.dumps({"seed": seed, "made_at": now.isoformat()}))
    except OSError as error:
        raise UnavailableError(
            f"{str(directory)!r} cannot be made anew ({error.strerror}): make room or give "
            "another --data-dir"
        ) from error
    finally:
        ownership.release()


def _build(now: datetime, seed: int) -> dict[str, Any]:
    from neonblue.cli.progress import progress_bar
    from neonblue.owner.embedded import run_job

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
        console.print(demo_tables.forward_table(answers))
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
