"""What the memory adds to ``analyze_experiment_performance``, with many finished experiments in it.

    python -m benchmarks.memory_context [EXPERIMENTS ...]

The tool is called over MCP on running experiments, in turn as it is and with the memory taken out
of it, in one run. Three states: warm (nothing changed), the first call about an experiment, and
the calls right after another experiment finished, whose record is being made anew meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from benchmarks.retrieval import CHANGES, PRODUCTS
from neonblue.errors import UnavailableError
from neonblue.intelligence import context
from neonblue.models import Experiment, MetricDefinition, MetricSummary, Variant
from neonblue.stores.aggregates import Aggregate

if TYPE_CHECKING:
    from fastmcp import Client

    from neonblue.stores import Store
    from neonblue.workspace import Workspace

START = datetime(2026, 1, 5, tzinfo=UTC)
UNITS = 40_000
RUNNING = 20
ROUNDS = 5
FINISHING = 8


class Timed:
    """Stands in for ``context_of``: times the real one, or leaves the memory out."""

    def __init__(self) -> None:
        self.real = context.context_of
        self.without = False
        self.inside: list[float] = []

    def __call__(self, open_memory: Callable[[], Any], analysis: Any) -> context.Context:
        """The context, or one without a memory."""
        began = time.perf_counter()
        found = self.real(_away if self.without else open_memory, analysis)
        if not self.without:
            assert found.similar_status == "available", found.similar_detail
            self.inside.append(time.perf_counter() - began)
        return found


def _away() -> Any:
    raise UnavailableError("left out to be compared with")


@contextmanager
def watched() -> Iterator[Timed]:
    """The tool's memory under a watch."""
    timed = Timed()
    context.context_of = timed
    try:
        yield timed
    finally:
        context.context_of = timed.real


async def measure(finished: int) -> None:
    """Fill a memory and call the tool in all three states."""
    from fastmcp import Client

    from neonblue.servers.hub import build
    from neonblue.workspace import open_workspace

    with open_workspace() as workspace, watched() as timed:
        numbers = random.Random(finished)
        for row in range(finished):
            define(workspace.store, f"past_{row}", numbers, "stopped")
        for row in range(RUNNING + FINISHING):
            define(workspace.store, f"running_{row}", numbers, "running")
        while workspace.learner.behind:
            time.sleep(0.1)
        workspace.learner.catch_up(at_once=True)
        workspace.memory.index_states.wait_until_ready(120)
        known = workspace.memory.documents.count("experiments")
        print(f"{known} finished experiments are remembered")
        async with Client(build()) as client:
            await call(client, "running_0")
            await in_all_states(client, workspace, timed)


async def in_all_states(client: Client[Any], workspace: Workspace, timed: Timed) -> None:
    """First calls, warm calls with and without the memory, and calls after a change."""
    timed.inside.clear()
    for row in range(1, RUNNING):
        await call(client, f"running_{row}")
    print(f"  first call about an experiment: {told(timed.inside)} in the memory")
    timed.inside.clear()
    whole: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(ROUNDS):
        for row in range(RUNNING):
            for timed.without in (False, True):
                whole[timed.without].append(await call(client, f"running_{row}"))
    timed.without = False
    more = statistics.median(whole[False]) - statistics.median(whole[True])
    print(f"  warm: {told(timed.inside)} in the memory")
    print(f"  whole tool with it {told(whole[False])}, without {told(whole[True])}")
    print(f"  difference of the medians {1000 * more:+.2f} ms")
    timed.inside.clear()
    for row in range(FINISHING):
        workspace.store.experiments.set_status(f"running_{RUNNING + row}", "stopped")
        workspace.learner.catch_up(at_once=True)
        for other in range(3):
            await call(client, f"running_{other}")
    print(f"  just after another one finished: {told(timed.inside)} in the memory")


async def call(client: Client[Any], experiment_id: str) -> float:
    """Seconds that the tool takes."""
    began = time.perf_counter()
    await client.call_tool("analyze_experiment_performance", {"experiment_id": experiment_id})
    return time.perf_counter() - began


def define(store: Store, name: str, numbers: random.Random, status: str) -> None:
    """An experiment of one of 24 changes in one of three wordings, with its totals."""
    change, product = numbers.choice(CHANGES), numbers.choice(PRODUCTS)
    plan = Experiment(
        experiment_id=name,
        name=f"{product[0]} test {name}",
        experiment_type=change[1],
        industry=product[1],
        variants=(
            Variant(variant_id="control", is_control=True, description="as it is today"),
            Variant(variant_id="treatment", description=numbers.choice((change[0], *change[2:]))),
        ),
        metrics=(MetricDefinition(name="bought", kind="proportion", event_type="purchase"),),
        status=status,  # type: ignore[arg-type]
        source="aggregated",
        started_at=START,
        ended_at=START + timedelta(days=21) if status == "stopped" else None,
        planned_sample_size=2 * UNITS,
    )
    store.experiments.save(plan)
    rates = {"control": 0.1, "treatment": 0.1 * (1 + numbers.gauss(0.01, 0.04))}
    store.aggregates.insert(
        [
            Aggregate(
                experiment_id=name,
                metric="bought",
                variant_id=variant,
                observed_at=START + timedelta(days=21),
                summary=MetricSummary(n=UNITS, mean=rate, variance=rate * (1 - rate)),
            )
            for variant, rate in rates.items()
        ]
    )


def told(seconds: list[float]) -> str:
    """Median and the worst, in milliseconds."""
    return f"{1000 * statistics.median(seconds):.2f} ms (worst {1000 * max(seconds):.1f})"


def main(sizes: list[int]) -> None:
    """Measure each size in a data directory of its own."""
    for finished in sizes:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["NEONBLUE_DATA_DIR"] = folder
            asyncio.run(measure(finished))


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [200, 400, 600])
