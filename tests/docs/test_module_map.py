"""AGENTS.md names every module, once, with a line that says what it is for."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("servers", "tools", "resources", "prompts", "ingest", "src/neonblue", "benchmarks")
ENTRY = re.compile(r"^- `(?P<path>[^`]+\.py)` — (?P<purpose>\S.*)$")


def modules() -> set[str]:
    """Every module with something in it, as a path from the root; symlinked folders count once."""
    found = set()
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            parents = path.relative_to(ROOT).parents
            if any((ROOT / parent).is_symlink() for parent in parents):
                continue
            if path.name == "__init__.py" and len(path.read_text().splitlines()) <= 1:
                continue
            found.add(path.relative_to(ROOT).as_posix())
    return found


def entries() -> list[str]:
    lines = (ROOT / "AGENTS.md").read_text().splitlines()
    return [match["path"] for line in lines if (match := ENTRY.match(line))]


def test_every_module_has_its_line() -> None:
    assert sorted(modules() - set(entries())) == []


def test_no_line_outlives_its_module() -> None:
    assert sorted(set(entries()) - modules()) == []


def test_no_module_is_listed_twice() -> None:
    listed = entries()
    assert sorted({path for path in listed if listed.count(path) > 1}) == []
