"""What a command writes, its user alone may read."""

import os
from pathlib import Path

import pytest

from neonblue.cli import main
from neonblue.models.private_file import open_private


def test_all_that_a_load_leaves_is_for_its_user_alone(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database's files, written by the engine, as well as the rejected rows."""
    monkeypatch.chdir(tmp_path)
    before = os.umask(0o022)
    try:
        lines = [f"u{i},{'ab'[i % 2]},{i}" for i in range(200)]
        Path("shop.csv").write_text("\n".join(["user,variant,spent", *lines, "u999,a,much"]))
        words = ["--experiment", "shop", "--unit", "user", "--variant", "variant"]
        words += ["--control", "a", "--metric", "spent:mean=spent"]
        assert main(["load", "shop.csv", *words]) == 0
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)
    written = [path for path in data_dir.rglob("*") if not path.is_symlink()]
    assert len(written) > 10
    open_ones = [path for path in written if path.stat().st_mode & 0o077]
    assert open_ones == []
    assert (tmp_path / "shop.csv.rejects.csv").stat().st_mode & 0o777 == 0o600


def test_a_file_that_was_there_is_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("old and longer")
    path.chmod(0o644)
    with open_private(path) as file:
        file.write("new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
