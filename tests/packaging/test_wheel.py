"""The wheel holds everything under one name and serves from an environment without the checkout."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.client.transports import StdioTransport

import neonblue

ROOT = Path(__file__).parents[2]
SURFACE_FOLDERS = ("servers", "tools", "resources", "prompts", "ingest")
BUILT_FROM = ("pyproject.toml", "README.md", "LICENSE", "NOTICE", "src", *SURFACE_FOLDERS)
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.egg-info")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy, so no leftover of an earlier build gets into it."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in BUILT_FROM:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=LEFT_OUT)
        else:
            shutil.copy(ROOT / name, copy / name)
    words = ["-m", "build", "--wheel", "--no-isolation", "--outdir", str(copy / "dist"), str(copy)]
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    (built,) = (copy / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel; its dependencies are those of this environment.

    A path in a .pth file is searched, but the .pth files in it (such as the one of an editable
    install) are not read, so ``neonblue`` can only come from the wheel.
    """
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    packages = sysconfig.get_path("purelib", vars={"base": str(environment)})
    Path(packages, "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    words = ["--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True, capture_output=True)
    return environment


def _run(environment: Path, *words: str, **variables: str) -> str:
    ended = subprocess.run(
        words,
        env={"PATH": f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}", **variables},
        cwd=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stdout.strip()


def test_nothing_but_neonblue_lands_in_site_packages(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"neonblue"}


@pytest.mark.parametrize("folder", SURFACE_FOLDERS)
def test_the_surface_folders_are_in_the_wheel_whole(wheel: Path, folder: str) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    for source in (ROOT / folder).rglob("*"):
        if source.suffix in (".py", ".md", ".json", ".sql"):
            assert f"neonblue/{folder}/{source.relative_to(ROOT / folder).as_posix()}" in packed


def test_the_engine_is_in_the_wheel_whole(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    for source in (ROOT / "src" / "neonblue").rglob("*"):
        if source.suffix in (".py", ".md", ".json", ".typed", ".npz"):
            assert f"neonblue/{source.relative_to(ROOT / 'src' / 'neonblue').as_posix()}" in packed


def test_the_installed_command_says_its_version(installed: Path) -> None:
    assert _run(installed, "neonblue", "--version") == f"neonblue {neonblue.__version__}"
    where = _run(installed, "python", "-c", "import neonblue; print(neonblue.__file__)")
    assert Path(where).is_relative_to(installed)


@pytest.mark.parametrize("era", ["legacy", "2026-07-28"])
async def test_the_installed_command_answers_a_tool_over_stdio(
    installed: Path, tmp_path: Path, era: Any
) -> None:
    transport = StdioTransport(
        str(installed / "bin" / "neonblue"),
        ["serve"],
        env={"NEONBLUE_DATA_DIR": str(tmp_path), "PATH": os.environ["PATH"]},
        cwd=str(tmp_path),
        keep_alive=False,
    )
    async with Client(transport, mode=era) as client:
        answer = await client.call_tool("list_experiments", {})
    assert answer.structured_content["total"] == 0


def test_the_installed_command_calls_a_tool(installed: Path, tmp_path: Path) -> None:
    answer = _run(
        installed, "neonblue", "call", "list_experiments", NEONBLUE_DATA_DIR=str(tmp_path)
    )
    assert json.loads(answer)["experiments"] == []


def test_the_checkout_runs_the_same_command_as_an_editable_install() -> None:
    ended = subprocess.run(
        [Path(sys.executable).parent / "neonblue", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.strip() == f"neonblue {neonblue.__version__}"
    assert Path(neonblue.__file__).is_relative_to(ROOT / "src")
