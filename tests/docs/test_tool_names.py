"""What answers, prompts and documents tell an agent to call is there to be called."""

import re
from pathlib import Path
from typing import Any

from fastmcp import Client

ROOT = Path(__file__).resolve().parents[2]
# Tools of the plan that are not built yet: naming one sends an agent nowhere.
PLANNED = (
    "create_experiment",
    "change_experiment",
    "optimize_ongoing_experiment",
    "allocate_traffic",
    "assign_variant",
    "run_optimization_cycle",
    "tune_parameters",
    "evolve_variants",
    "simulate_policy",
    "review_approvals",
)
FOLDERS = ("servers", "tools", "resources", "prompts", "ingest", "src/neonblue", "docs")


async def test_no_text_names_a_tool_that_is_not_there(client: Client[Any]) -> None:
    listed = {tool.name for tool in await client.list_tools()}
    absent = [name for name in PLANNED if name not in listed]
    texts = {
        path.relative_to(ROOT).as_posix(): path.read_text()
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".md") and path.is_file()
    }
    named = {
        name: [one for one in absent if re.search(rf"\b{one}\b", text)]
        for name, text in texts.items()
    }
    assert {name: found for name, found in named.items() if found} == {}


async def test_every_tool_is_described_in_the_documents(client: Client[Any]) -> None:
    described = (ROOT / "docs" / "tools.md").read_text()
    listed = {tool.name for tool in await client.list_tools()}
    assert sorted(name for name in listed if f"### {name}\n" not in described) == []
