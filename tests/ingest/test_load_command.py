"""``neonblue load`` and ``neonblue define`` as a person meets them."""

from pathlib import Path

import pytest

from neonblue.cli import main

WORDS = ["--experiment", "shop", "--unit", "user", "--variant", "variant", "--control", "a"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shop.csv"
    lines = [f"u{i},{'ab'[i % 2]},{i % 3 == 0},{i}" for i in range(20)]
    path.write_text("\n".join(["user,variant,bought,spent", *lines, "u99,a,maybe,1"]))
    return path


@pytest.mark.usefixtures("data_dir")
def test_load_says_what_it_did_and_what_comes_next(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    words = ["--metric", "bought=bought", "--metric", "spent:mean=spent"]
    assert main(["load", "shop.csv", *WORDS, *words, "--allow-rejects", "0"]) == 2
    assert "1 of 21 rows of 'shop.csv' cannot be used" in capsys.readouterr().err
    assert main(["load", "shop.csv", *WORDS, *words, "--allow-rejects", "0.05"]) == 0
    shown = capsys.readouterr().out
    assert "21 rows read: 20 kept, 0 excluded, 1 rejected, 0 repeated" in shown
    assert "rejected: 1 wrong_type" in shown
    assert "10 units in 'a'" in shown
    assert "analyze_experiment_performance experiment_id=shop" in shown
    assert (file.parent / "shop.csv.rejects.csv").read_text().count("\n") == 2


@pytest.mark.usefixtures("data_dir")
@pytest.mark.parametrize(
    "words",
    [
        ["load", "nowhere.csv", *WORDS, "--metric", "m=m"],
        ["load", "shop.csv", *WORDS, "--metric", "m=nothing"],
        ["load", "shop.csv", *WORDS],
        ["define", "nowhere.toml"],
        ["define", "shop.csv"],
    ],
)
def test_a_mistake_is_one_line_on_stderr(
    file: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
) -> None:
    monkeypatch.chdir(file.parent)
    assert main(words) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("neonblue: ")
    assert shown.err.count("\n") == 1


@pytest.mark.usefixtures("data_dir")
def test_define_says_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "shop.toml"
    path.write_text(
        'id = "shop"\ncontrol = "a"\n[variants]\na = 1\nb = 1\n[metrics]\nbought = "buy"\n'
    )
    assert main(["define", str(path)]) == 0
    assert "experiment 'shop' defined: version 1, running" in capsys.readouterr().out
    assert main(["define", str(path)]) == 0
    assert "is defined like that already" in capsys.readouterr().out
