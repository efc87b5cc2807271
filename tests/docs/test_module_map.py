"""The module map is made from docstrings, and AGENTS.md is short and true."""

import re
import runpy
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAP = runpy.run_path(str(ROOT / ".ci" / "module_map.py"))
MODULES = list(MAP["modules"]())
MAX_LINES = 100
TARGET = re.compile(r"`make (?P<target>[\w-]+)")
FOLDER_OR_FILE = re.compile(r"`(?P<path>(?:[\w.-]+/)+(?:[\w.-]+\.py)?)`")


def test_every_module_says_in_one_line_what_it_is_for() -> None:
    purposes = {str(module): MAP["purpose"](module) for module in MODULES}
    assert [module for module, line in purposes.items() if not line] == []
    assert [m for m, line in purposes.items() if len(line) > MAP["MAX_CHARACTERS"]] == []
    assert [m for m, line in purposes.items() if line[-1] not in ".:?"] == []


def test_the_map_lists_every_module_once() -> None:
    lines = MAP["module_map"]().splitlines()
    packages = [module for module in MODULES if module.name == "__init__.py"]
    assert len([line for line in lines if line.startswith("- `")]) == len(MODULES) - len(packages)
    assert len(MODULES) == len(set(MODULES)) > 300


def test_agents_md_fits_on_one_page() -> None:
    assert len((ROOT / "AGENTS.md").read_text().splitlines()) < MAX_LINES


def test_what_agents_md_names_is_there() -> None:
    text = (ROOT / "AGENTS.md").read_text()
    makefile = (ROOT / "Makefile").read_text()
    targets = [match["target"] for match in TARGET.finditer(text)]
    assert [name for name in targets if f"\n{name}:" not in makefile] == []
    paths = [match["path"] for match in FOLDER_OR_FILE.finditer(text)]
    roots = (ROOT, ROOT / "src" / "neonblue")
    assert [path for path in paths if not any((root / path).exists() for root in roots)] == []


def test_agents_md_draws_the_arrows_that_are_checked() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = next(one for one in contracts["contracts"] if one["type"] == "layers")["layers"]
    named = [re.sub(r"neonblue\.(\w+)", r"`\1`", layer) for layer in layers]
    assert " → ".join(named) in (ROOT / "AGENTS.md").read_text()
