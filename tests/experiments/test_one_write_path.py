"""Experiments are written by ``neonblue.experiments`` and by a load's commit, by nothing else."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("src/neonblue", "tools", "servers", "resources", "prompts", "ingest")
WRITES = {"save", "set_status", "take"}
MAY_WRITE = {"src/neonblue/stores", "src/neonblue/experiments"}


def writers() -> set[str]:
    """Modules that call a writing method of ``experiments`` or of the history."""
    found = set()
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            tree = ast.parse(path.read_text())
            calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
            owners = [
                ast.unparse(call.value)
                for call in calls
                if isinstance(call, ast.Attribute) and call.attr in WRITES
            ]
            if any(owner.endswith(("experiments", "experiment_history")) for owner in owners):
                found.add(path.relative_to(ROOT).as_posix())
    return found


def test_nothing_else_writes_experiments() -> None:
    strangers = {
        path for path in writers() if not any(path.startswith(f"{place}/") for place in MAY_WRITE)
    }
    assert strangers == set()


def test_the_search_finds_those_that_may() -> None:
    assert "src/neonblue/experiments/plans.py" in writers()
    assert "src/neonblue/experiments/moves.py" in writers()
