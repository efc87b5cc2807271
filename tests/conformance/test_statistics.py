"""Every number that another statistics tool gave for the same inputs, at its own tolerance."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from benchmarks.conformance.replay import replay

FILE = Path(__file__).with_name("statistics.json")
CASES = json.loads(FILE.read_text(encoding="utf-8"))["cases"]


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_case_comes_out_as_its_source_says(case: dict[str, Any]) -> None:
    outcome = replay(case)
    assert outcome.ok, outcome.line()


def test_the_copy_is_the_public_file(shared_data: Path) -> None:
    public = (shared_data / "conformance" / "statistics.json").read_text(encoding="utf-8")
    assert json.loads(public)["cases"] == CASES


def test_ids_mean_nothing() -> None:
    """A case is mapped by category and inputs: under another id it comes out the same."""
    assert all(replay({**case, "id": "x"}).ok for case in CASES)


def test_a_wrong_number_fails() -> None:
    case = {**CASES[0], "expected": {"z": 1.0}}
    assert not replay(case).ok


@pytest.mark.parametrize(
    "change", [{"category": "astrology"}, {"inputs": {}}, {"expected": {"nobody_computes_this": 1}}]
)
def test_what_cannot_be_mapped_says_why(change: dict[str, Any]) -> None:
    outcome = replay({**CASES[0], **change})
    assert not outcome.ok
    assert "cannot be mapped" in outcome.line()


def test_the_command_prints_a_line_a_case_and_the_sum(tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    file.write_text(json.dumps({"cases": [CASES[0], {**CASES[0], "category": "none"}]}))
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.conformance", str(file)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert lines[-1] == "1 passed, 1 failed"
    assert done.returncode == 1
