"""What a command writes, its user alone may read."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from neonblue.cli import main
from neonblue.errors import InvalidInputError
from neonblue.models.private_file import open_private, replace_private


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


@pytest.mark.parametrize(
    ("put_there", "said"),
    [
        (lambda path, other: path.symlink_to(other), "it is a link"),
        (lambda path, other: path.symlink_to("nowhere"), "it is a link"),
        (lambda path, other: path.hardlink_to(other), "the file has another name as well"),
        (lambda path, other: os.mkfifo(path), "No such device or address"),
        (lambda path, other: path.mkdir(), "Is a directory"),
    ],
)
def test_what_somebody_put_where_a_file_is_expected_is_not_written_to(
    tmp_path: Path, put_there: Callable[[Path, Path], object], said: str
) -> None:
    other, path = tmp_path / "other.txt", tmp_path / "shop.csv.rejects.csv"
    other.write_text("mine")
    put_there(path, other)
    with pytest.raises(InvalidInputError, match=f"{said}.*name another"):
        open_private(path)
    assert other.read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_is_not_written_to(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("theirs")
    os.chown(path, 12345, 12345)
    with pytest.raises(InvalidInputError, match="it belongs to somebody else"):
        open_private(path)
    assert path.read_text() == "theirs"


def test_a_replaced_file_takes_the_place_of_a_link(tmp_path: Path) -> None:
    other, path = tmp_path / "other.txt", tmp_path / "state.json"
    other.write_text("mine")
    path.symlink_to(other)
    replace_private(path, b"{}")
    assert (path.read_text(), other.read_text()) == ("{}", "mine")
    assert path.stat().st_mode & 0o777 == 0o600
    assert {entry.name for entry in tmp_path.iterdir()} == {"other.txt", "state.json"}


def test_rejected_rows_do_not_go_through_a_link(
    data_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    precious = tmp_path / "precious"
    precious.write_text("keep")
    Path("shop.csv.rejects.csv").symlink_to(precious)
    lines = [f"u{i},{'ab'[i % 2]},{i}" for i in range(200)]
    Path("shop.csv").write_text("\n".join(["user,variant,spent", *lines, "u999,a,much"]))
    words = ["--experiment", "shop", "--unit", "user", "--variant", "variant"]
    words += ["--control", "a", "--metric", "spent:mean=spent"]
    assert main(["load", "shop.csv", *words]) == 2
    said = capfd.readouterr().err
    assert "it is a link" in said
    assert "--rejects FILE" in said
    assert precious.read_text() == "keep"
    assert main(["load", "shop.csv", *words, "--rejects", "bad.csv"]) == 0


def test_letters_are_not_exported_through_a_link(
    data_dir: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").symlink_to(tmp_path / "elsewhere")
    assert main(["dead-letters", "export", str(tmp_path / "out")]) == 2
    assert "it is a link" in capfd.readouterr().err
    assert not (tmp_path / "elsewhere").exists()
