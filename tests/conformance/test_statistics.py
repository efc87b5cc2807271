"""Every number that another statistics tool gave for the same inputs, at its own tolerance."""

import json
from pathlib import Path

import pytest
from tests.conformance import looks, many, means, not_offered, proportions, sizes
from tests.conformance.cases import FILE, Case, cases_in, close

CASES = {case.id: case for case in cases_in(FILE.read_text(encoding="utf-8"))}
TABLES = [module.ANSWERS for module in (proportions, means, looks, sizes, many)]
ANSWERS = {case_id: answer for table in TABLES for case_id, answer in table.items()}


def wrong(case: Case) -> dict[str, object]:
    """Names of the case's numbers that do not come out, with what was found instead."""
    left_out, _ = not_offered.NUMBERS.get(case.id, (set(), ""))
    found = ANSWERS[case.id](case.inputs)
    assert found.keys() == case.expected.keys() - left_out
    expected = {name: case.expected[name] for name in found}
    return {
        name: value
        for name, value in found.items()
        if not close(value, expected[name], case.tolerance)
    }


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_case_comes_out_as_its_source_says(case: Case) -> None:
    if case.id in not_offered.CASES:
        pytest.skip(f"not offered: {not_offered.CASES[case.id]}")
    assert wrong(case) == {}, case.expected


def test_each_case_is_answered_once_or_said_not_to_be_offered() -> None:
    assert sum(map(len, TABLES)) == len(ANSWERS)
    assert ANSWERS.keys() | not_offered.CASES.keys() == CASES.keys()
    assert not ANSWERS.keys() & not_offered.CASES.keys()


def test_what_is_not_offered_is_a_part_of_a_case_and_has_a_reason() -> None:
    for case_id, (names, reason) in not_offered.NUMBERS.items():
        assert names < CASES[case_id].expected.keys()
        assert reason
    assert all(not_offered.CASES.values())


def test_the_copy_is_the_public_file(shared_data: Path) -> None:
    public = (shared_data / "conformance" / "statistics.json").read_text(encoding="utf-8")
    assert json.loads(public)["cases"] == json.loads(FILE.read_text(encoding="utf-8"))["cases"]


@pytest.mark.parametrize("case_id", ANSWERS)
def test_a_wrong_number_fails(case_id: str) -> None:
    """Each number of each case, moved by ten times its tolerance, is found wrong."""
    case = CASES[case_id]
    left_out, _ = not_offered.NUMBERS.get(case_id, (set(), ""))
    moved = {name: _moved(value, case) for name, value in case.expected.items()}
    other = Case(
        id=case.id, category=case.category, inputs=case.inputs, expected=moved,
        source=case.source, tolerance=case.tolerance, verified_by=[], notes=None,
    )  # fmt: skip
    assert wrong(other).keys() == case.expected.keys() - left_out


def _moved(value: float | str | list[float], case: Case) -> float | list[float]:
    if isinstance(value, list):
        return [_moved(value[0], case), *value[1:]]  # type: ignore[list-item]
    number = float(value)
    return number + 10.0 * max(case.tolerance["abs"], case.tolerance["rel"] * abs(number))


def test_another_field_or_tolerance_is_refused() -> None:
    found = json.loads(FILE.read_text(encoding="utf-8"))["cases"][0]
    for case in ({**found, "tol": 1}, {**found, "tolerance": {"rtol": 1e-6}}):
        with pytest.raises(ValueError, match="prop_z_pooled"):
            cases_in(json.dumps({"cases": [case]}))
