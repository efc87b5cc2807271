"""Answers use one word an idea; docs/tools.md has the list."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import neonblue.tools.results
from neonblue.tools.results.figure import Answer

LIST = Path(__file__).parents[2] / "docs" / "tools.md"
ROW = re.compile(r"^\| `([a-z_]+)`[^|]*\|[^|]*\| ([^|]*) \|$", re.MULTILINE)
SECTION = "## One word an idea"


def answers() -> Iterator[type[Answer]]:
    """Every answer of every tool."""
    for module in pkgutil.iter_modules(neonblue.tools.results.__path__):
        importlib.import_module(f"{neonblue.tools.results.__name__}.{module.name}")
    waiting = list(Answer.__subclasses__())
    while waiting:
        found = waiting.pop()
        waiting += found.__subclasses__()
        yield found


def instead() -> dict[str, str]:
    """A word that answers do not use, to the one that they do."""
    section = LIST.read_text(encoding="utf-8").partition(SECTION)[2].partition("\n## ")[0]
    return {
        other.strip("` "): word
        for word, others in ROW.findall(section)
        for other in others.split(",")
    }


def test_the_list_is_read() -> None:
    assert instead()["improvement"] == "relative_lift"
    assert len(instead()) > 30


@pytest.mark.parametrize("answer", list(answers()), ids=lambda answer: answer.__name__)
def test_an_answer_uses_the_words_of_the_list(answer: type[Answer]) -> None:
    wrong = {name: instead()[name] for name in answer.model_fields if name in instead()}
    # What somebody gave as theirs is a reason; why we say something is a detail.
    if answer.__name__ in {"ApprovalRow", "UnitAssignment"}:
        wrong.pop("reason", None)
    assert not wrong
