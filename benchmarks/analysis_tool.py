"""What ``analyze_experiment_performance`` costs over the bare aggregation, called over MCP, warm.

``python -m benchmarks.analysis_tool [events] [units]``. The experiment runs, so every call also
records its look; the memory is open. The bare query is that of ``analysis_query``.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from benchmarks.analysis_query import BARE, ROUNDS, WEEK, fill, plan

NAME = "experiment"


async def seconds_of(work: Callable[[], Awaitable[Any]]) -> float:
    """How long one run takes."""
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started


async def measure(events: int, units: int) -> None:
    """Bare query and tool in turn, medians and their ratio."""
    from fastmcp import Client

    from neonblue.servers.hub import build
    from neonblue.workspace import open_workspace

    with open_workspace() as workspace:
        store = workspace.store
        running = replace(
            plan(NAME), planned_sample_size=2 * units, status="running", ended_at=None
        )
        fill(store, running, events, units, WEEK)
        store.events.compact()

        async def bare() -> None:
            await asyncio.to_thread(store.database.rows, BARE, {"id": NAME})

        async with Client(build()) as client:

            async def tool() -> None:
                await client.call_tool("analyze_experiment_performance", {"experiment_id": NAME})

            await bare()
            await tool()
            times = [(await seconds_of(bare), await seconds_of(tool)) for _ in range(ROUNDS)]
    alone, whole = (statistics.median(column) for column in zip(*times, strict=True))
    print(f"{events:,} events, {units:,} units, warm, median of {ROUNDS}")
    print(f"bare aggregation {alone:.3f} s, whole tool {whole:.3f} s: {whole / alone:.2f}x")


def main(events: int = 10_000_000, units: int = 1_000_000) -> None:
    """Measure in a data directory of its own."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NEONBLUE_DATA_DIR"] = folder
        asyncio.run(measure(events, units))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
