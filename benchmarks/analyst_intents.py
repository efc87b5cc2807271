"""What an analyst asks, in how many calls and tokens: ``python -m benchmarks.analyst_intents``.

Builds the demo world and an experiment with thirty segments in a temporary folder, asks as an
agent would, and prints a Markdown table. A token is four characters of an answer's text.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from fastmcp import Client

CHARACTERS_A_TOKEN = 4
ONE = "checkout_one_page"
Call = tuple[str, Mapping[str, Any]]
ANALYZE = "analyze_experiment_performance"
INTENTS: tuple[tuple[str, tuple[Call, ...]], ...] = (
    ("which experiments are broken, and why", (("list_experiments", {"validity": "invalid"}),)),
    ("what runs, and how is it doing", (("list_experiments", {"status": "running"}),)),
    ("what may be shipped", (("list_experiments", {"decision": "ship"}),)),
    ("what ended in the last quarter", (("list_experiments", {"ended_since": "2026-09-01"}),)),
    ("the experiment about checkout", (("list_experiments", {"text": "checkout page"}),)),
    ("how is one experiment doing", ((ANALYZE, {"experiment_id": ONE}),)),
    ("only its revenue", ((ANALYZE, {"experiment_id": ONE, "metrics": ["revenue"]}),)),
    ("a page for the wiki", ((ANALYZE, {"experiment_id": ONE, "detail": "report"}),)),
    ("its effect by country", ((ANALYZE, {"experiment_id": ONE, "segment_by": "country"}),)),
    ("its effect over time", ((ANALYZE, {"experiment_id": ONE, "chart": "sequence"}),)),
    ("revenue by day", ((ANALYZE, {"experiment_id": ONE, "chart": "daily"}),)),
    ("everything about it", ((ANALYZE, {"experiment_id": ONE, "detail": "full"}),)),
    ("when will we know", ((ANALYZE, {"experiment_id": "free_returns_banner"}),)),
    ("thirty segments", ((ANALYZE, {"experiment_id": "thirty", "segment_by": "country"}),)),
    (
        "why is the search test broken",
        (("diagnose_experiment", {"experiment_id": "search_suggestions"}),),
    ),
    ("can I trust the winner", (("diagnose_experiment", {"experiment_id": ONE}),)),
    ("what did we learn about checkout", (("semantic_experiment_search", {"query": "checkout"}),)),
    (
        "past successes since 2025",
        (
            (
                "semantic_experiment_search",
                {
                    "query": "buy more",
                    "filters": {"outcome": "success", "timestamp": {"gte": "2025-01-01"}},
                },
            ),
        ),
    ),
    ("what to test next", (("recommend_experiments", {"goal": "more purchases at checkout"}),)),
    (
        "what to do about the harm",
        (("recommend_experiment_optimization", {"experiment_id": "forced_signup"}),),
    ),
    ("will this work", (("predict_experiment_outcome", {"config": {"name": "Guest checkout"}}),)),
    ("are our forecasts any good", (("forecast_calibration", {}),)),
    ("how large must a test be", (("design_experiment", {"mde": 0.05, "baseline_mean": 0.12}),)),
    ("what can be asked for", (("list_catalog", {}),)),
    (
        "where the winner gains",
        (
            (
                "analyze_funnel",
                {
                    "steps": ["exposure", "purchase"],
                    "experiment_id": "footer_colour",
                    "breakdown": "variant",
                    "window_hours": 720,
                },
            ),
        ),
    ),
)


async def _ask() -> None:
    from neonblue.servers.hub import build

    async with Client(build()) as client:
        for name in ("search_suggestions", "forced_signup", "footer_colour", ONE):
            await client.call_tool(ANALYZE, {"experiment_id": name})
        print("| intent | calls | tokens |\n|---|---|---|")
        for intent, calls in INTENTS:
            tokens = 0.0
            for tool, arguments in calls:
                answer = await client.call_tool(tool, dict(arguments))
                tokens += len(answer.content[0].text) / CHARACTERS_A_TOKEN  # type: ignore[union-attr]
            print(f"| {intent} | {len(calls)} | {tokens:,.0f} |", flush=True)


def _build(folder: Path) -> None:
    from neonblue.cli import main
    from neonblue.owner.embedded import run_job

    run_job("demo", {"now": datetime.now(UTC).isoformat(), "seed": 7}, lambda *_: None)
    rng, rows = np.random.default_rng(5), ["user,variant,bought,country"]
    rows += [
        f"{unit},{'ab'[unit % 2]},{int(rng.random() < 0.1)},country {rng.integers(30)}"
        for unit in range(30_000)
    ]
    path = folder / "thirty.csv"
    path.write_text("\n".join(rows))
    columns = ["--experiment", "thirty", "--unit", "user", "--variant", "variant"]
    others = ["--control", "a", "--finished", "--metric", "bought=bought", "--segment", "country"]
    main(["load", str(path), *columns, *others])


def main() -> None:
    """Build the worlds, ask, print."""
    with tempfile.TemporaryDirectory() as name:
        os.environ["NEONBLUE_DATA_DIR"] = str(Path(name) / "data")
        _build(Path(name))
        asyncio.run(_ask())


if __name__ == "__main__":
    main()
