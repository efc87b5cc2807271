"""The checkout's linked folders: they may be lost, run as files, and packed as a source archive."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from fastmcp import Client
from fastmcp.client.transports import StdioTransport

import neonblue

ROOT = Path(__file__).parents[2]
SURFACES = ("hub", "experiment_intelligence", "user_behavior", "optimization_engine")
BUILT_FROM = ("pyproject.toml", "README.md", "LICENSE", "NOTICE", "src", *neonblue.LINKED)
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.egg-info")
# Our own code does without what only some platforms have; libraries tell platforms apart.
WITHOUT = """
import builtins

find = builtins.__import__

def find_portable(name, scope=None, *rest):
    ours = "neonblue" in (scope or {}).get("__name__", "")
    if ours and name in ("fcntl", "resource", "pwd", "grp"):
        raise ImportError(name)
    return find(name, scope, *rest)

builtins.__import__ = find_portable
"""


@pytest.mark.parametrize("left", ["nothing", "a file with the target"])
def test_a_checkout_without_links_says_what_to_do(tmp_path: Path, left: str) -> None:
    package = tmp_path / "neonblue"
    package.mkdir()
    shutil.copy(ROOT / "src" / "neonblue" / "__init__.py", package)
    for name in neonblue.LINKED if left != "nothing" else ():
        (package / name).write_text(f"../../{name}")
    words = [sys.executable, "-S", "-c", "import neonblue.servers"]
    ended = subprocess.run(
        words, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "ImportError" in ended.stderr
    assert "core.symlinks=true" in ended.stderr


@pytest.mark.parametrize("name", SURFACES)
async def test_fastmcp_runs_a_server_by_its_file(name: str, tmp_path: Path) -> None:
    transport = StdioTransport(
        str(Path(sys.executable).parent / "fastmcp"),
        ["run", f"servers/{name}.py", "--no-banner"],
        env={"NEONBLUE_DATA_DIR": str(tmp_path), "PATH": os.environ["PATH"]},
        cwd=str(ROOT),
        keep_alive=False,
    )
    async with Client(transport) as client:
        tools = {tool.name for tool in await client.list_tools()}
    assert ("design_experiment" in tools) == (name in ("hub", "optimization_engine"))
    assert ("list_experiments" in tools) == (name in ("hub", "experiment_intelligence"))


def test_a_source_archive_builds_and_installs(tmp_path: Path) -> None:
    copy = tmp_path / "checkout"
    copy.mkdir()
    for name in BUILT_FROM:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=LEFT_OUT)
        else:
            shutil.copy(ROOT / name, copy / name)
    build = ["-m", "build", "--sdist", "--no-isolation", "--outdir", str(tmp_path), str(copy)]
    subprocess.run([sys.executable, *build], check=True, capture_output=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    target = tmp_path / "installed"
    install = ["-m", "pip", "install", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run(
        [sys.executable, *install, "--target", str(target), str(archive)],
        check=True,
        capture_output=True,
    )
    script = "import neonblue, neonblue.servers.hub; print(neonblue.__file__)"
    environment = {"PYTHONPATH": f"{target}{os.pathsep}{sysconfig.get_path('purelib')}"}
    ended = subprocess.run(
        [sys.executable, "-S", "-c", script],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(ended.stdout.strip()).is_relative_to(target)
    for folder in neonblue.LINKED:
        there = {path.name for path in (target / "neonblue" / folder).rglob("*.py")}
        assert there == {path.name for path in (ROOT / folder).rglob("*.py")}


def test_every_module_imports_where_there_is_no_fcntl() -> None:
    script = WITHOUT + (
        "import importlib, pkgutil, neonblue\n"
        "for found in pkgutil.walk_packages(neonblue.__path__, 'neonblue.'):\n"
        "    if not found.name.endswith('__main__'):\n"
        "        importlib.import_module(found.name)\n"
        "print('imported')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert ended.stdout.strip() == "imported", ended.stderr
