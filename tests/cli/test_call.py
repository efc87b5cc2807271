"""``neonblue call``: arguments, answers and exit statuses."""

import json
from pathlib import Path
from typing import Any

import pytest

from neonblue.cli import main
from neonblue.cli.call import parse_arguments
from neonblue.errors import InvalidInputError

SCHEMA: dict[str, Any] = {
    "properties": {
        "text": {"type": "string"},
        "maybe_text": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "number": {"type": "number"},
        "names": {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]},
        "choice": {"enum": ["a", "b"]},
    }
}


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("text=5", {"text": "5"}),
        ("text=a=b", {"text": "a=b"}),
        ("maybe_text=null", {"maybe_text": "null"}),
        ("maybe_text:=null", {"maybe_text": None}),
        ("number=5", {"number": 5}),
        ("number=five", {"number": "five"}),
        ('names=["x","y"]', {"names": ["x", "y"]}),
        ("choice=a", {"choice": "a"}),
    ],
)
def test_words_become_arguments_of_the_type_that_the_tool_wants(
    word: str, expected: dict[str, Any]
) -> None:
    assert parse_arguments([word], SCHEMA) == expected


@pytest.mark.parametrize("word", ["text", "=5", "nope=1", "number:=["])
def test_a_word_that_is_no_argument_says_what_to_write(word: str) -> None:
    with pytest.raises(InvalidInputError, match=r"write KEY=VALUE|it takes text|is not JSON"):
        parse_arguments([word], SCHEMA)


def test_an_answer_is_json_on_stdout(data_dir: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["call", "list_experiments", "limit=5"]) == 0
    assert json.loads(capfd.readouterr().out)["experiments"] == []


def test_a_refusal_is_one_line_on_stderr(data_dir: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["call", "analyze_experiment_performance", "experiment_id=nope"]) == 1
    output = capfd.readouterr()
    assert output.out == ""
    assert output.err.startswith("neonblue: there is no experiment 'nope'")
    assert len(output.err.splitlines()) == 1


def test_an_unusable_argument_is_named(data_dir: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["call", "list_experiments", "limit=many"]) == 1
    assert "limit" in capfd.readouterr().err


def test_an_unknown_tool_is_answered_with_the_nearest(
    data_dir: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["call", "list_experiment"]) == 2
    assert "list_experiments" in capfd.readouterr().err


def test_without_a_tool_the_tools_are_listed(
    data_dir: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["call"]) == 0
    assert "list_experiments" in json.loads(capfd.readouterr().out)
