"""Every public function of the statistics says where it comes from, in a form one can check."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

STATS = Path(__file__).parents[2] / "src/neonblue/stats"
PAPER = re.compile(r"\((?:1[89]|20)\d\d|\b(?:1[89]|20)\d\d\)|\b(?:1[89]|20)\d\d[,;.: ]")
EQUATION = re.compile(r"[=+]|sqrt\(|eqs?\. \d")
OWN = re.compile(r"\b(?:Definition|Ours): \S")


def public_functions() -> Iterator[tuple[str, str]]:
    for path in sorted(STATS.glob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield f"{path.stem}.{node.name}", ast.get_docstring(node) or ""


FUNCTIONS = dict(public_functions())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_function_cites_paper_and_equation_or_is_plain(name: str) -> None:
    """A paper with its year, and the equation; or it says that it is a definition, or ours."""
    text = FUNCTIONS[name]
    cites = bool(PAPER.search(text) and EQUATION.search(text))
    assert cites or OWN.search(text), f"{name} has no source that a reader could check:\n{text}"


def test_most_functions_cite_and_few_only_define() -> None:
    """The way out must not become the rule."""
    plain = [name for name, text in FUNCTIONS.items() if not PAPER.search(text)]
    assert len(FUNCTIONS) > 90
    assert len(plain) / len(FUNCTIONS) < 0.5
