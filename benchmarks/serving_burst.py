"""Many clients at once over HTTP: how long light calls take while analyses queue.

    python -m benchmarks.serving_burst [CLIENTS] [SECONDS]

Each client of a server with one running experiment (2 M events of 200,000 units) calls in turn
``analyze_experiment_performance`` and, in another task, ``review_approvals``, a call that reads one
small table. Printed are the times of both, calls a second, refusals and the server's memory, and
the light call's time with nobody else there.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
from fastmcp.exceptions import ToolError

from benchmarks.analysis_query import WEEK, fill, plan
from benchmarks.serving import SERVE, TOKEN, free_port, listening

NAME = "experiment"
EVENTS, UNITS = 2_000_000, 200_000
LIGHT, HEAVY = "review_approvals", "analyze_experiment_performance"


class Times:
    """What came back: seconds by tool, and refusals."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {LIGHT: [], HEAVY: []}
        self.refused = 0

    def text(self, tool: str) -> str:
        """Calls, median and 95th percentile."""
        found = sorted(self.seconds[tool])
        if not found:
            return f"{tool}: none"
        late = found[min(len(found) - 1, int(0.95 * len(found)))]
        return (
            f"{tool}: {len(found)} calls, p50 {1000 * statistics.median(found):.0f} ms, "
            f"p95 {1000 * late:.0f} ms"
        )


async def calls(client: Client[Any], tool: str, until: float, times: Times) -> None:
    """One tool again and again."""
    arguments = {"experiment_id": NAME} if tool == HEAVY else {}
    while time.perf_counter() < until:
        started = time.perf_counter()
        try:
            await client.call_tool(tool, arguments)
            times.seconds[tool].append(time.perf_counter() - started)
        except ToolError:
            times.refused += 1
            await asyncio.sleep(0.2)
        if tool == LIGHT:
            await asyncio.sleep(1.0)


async def burst(url: str, clients: int, seconds: float, tools: tuple[str, ...]) -> Times:
    """All clients at once."""
    times = Times()

    async def one() -> None:
        async with Client(StreamableHttpTransport(url, auth=TOKEN)) as client:
            until = time.perf_counter() + seconds
            await asyncio.gather(*(calls(client, tool, until, times) for tool in tools))

    await asyncio.gather(*(one() for _ in range(clients)))
    return times


def resident_megabytes(pid: int) -> int:
    """What a process holds now."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) // 1024


async def measure(clients: int, seconds: float) -> None:
    """Alone, then the burst, then what is left of it."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NEONBLUE_DATA_DIR"] = folder
        _fill()
        port = free_port()
        environment = {**os.environ, "NEONBLUE_HTTP_TOKEN": TOKEN}
        server = subprocess.Popen(
            [sys.executable, *SERVE, "--http", f"127.0.0.1:{port}"],
            env=environment,
            stderr=subprocess.DEVNULL,
        )
        try:
            url = f"http://127.0.0.1:{port}/mcp"
            await listening(port)
            await burst(url, 1, 3.0, (LIGHT, HEAVY))
            alone = await burst(url, 1, 5.0, (LIGHT,))
            print("alone   ", alone.text(LIGHT), f"{resident_megabytes(server.pid)} MB")
            found = await burst(url, clients, seconds, (LIGHT, HEAVY))
            print(f"{clients} clients", found.text(LIGHT), f"{resident_megabytes(server.pid)} MB")
            print(f"{clients} clients", found.text(HEAVY), f"{found.refused} told to come back")
            await asyncio.sleep(15)
            print("after   ", f"{resident_megabytes(server.pid)} MB")
        finally:
            server.terminate()
            server.wait()


def _fill() -> None:
    from neonblue.workspace import open_workspace

    with open_workspace() as workspace:
        running = replace(plan(NAME), planned_sample_size=2 * UNITS, status="running")
        fill(workspace.store, replace(running, ended_at=None), EVENTS, UNITS, WEEK)
        workspace.store.events.compact()


if __name__ == "__main__":
    given = sys.argv[1:]
    asyncio.run(measure(int(given[0]) if given else 128, float(given[1]) if given[1:] else 30.0))
