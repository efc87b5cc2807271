"""Every case again in other words and shapes: what counts is the category and the inputs."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from benchmarks.conformance.replay import replay
from benchmarks.conformance.spelling import cases_in

Raw = dict[str, Any]
CASES: list[Raw] = json.loads((Path(__file__).parent / "statistics.json").read_text())["cases"]


def renamed(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {names.get(key, key): renamed(item, names) for key, item in value.items()}
    return [renamed(item, names) for item in value] if isinstance(value, list) else value


def inputs(**names: str) -> Callable[[Raw], Raw]:
    return lambda case: {**case, "inputs": renamed(case["inputs"], names)}


def expected(**names: str) -> Callable[[Raw], Raw]:
    return lambda case: {**case, "expected": renamed(case["expected"], names)}


def backwards(case: Raw) -> Raw:
    turned = {key: dict(reversed(case[key].items())) for key in ("inputs", "expected")}
    return {**case, **turned}


def as_list(case: Raw) -> Raw:
    return _gathered(case, lambda control, treatment: {"variants": [control, treatment]})


def as_groups(case: Raw) -> Raw:
    return _gathered(case, lambda c, t: {"groups": {"treatment": t, "control": c}})


def flat(case: Raw) -> Raw:
    def fields(control: Raw, treatment: Raw) -> Raw:
        return {f"{k}_control": v for k, v in control.items()} | {
            f"treatment_{k}": v for k, v in treatment.items()
        }

    return _gathered(case, fields)


def _gathered(case: Raw, shape: Callable[[Raw, Raw], Raw]) -> Raw:
    given = dict(case["inputs"])
    if not isinstance(given.get("control"), dict):
        return case
    control, treatment = given.pop("control"), given.pop("treatment")
    return {**case, "inputs": {**given, **shape(control, treatment)}}


def counts_by_name(case: Raw) -> Raw:
    given = case["inputs"]
    if "counts" not in given:
        return case
    named = {
        field: {f"v{place}": item for place, item in enumerate(given[field])}
        for field in ("counts", "weights")
    }
    return {**case, "inputs": {**given, **named}}


def confidence(case: Raw) -> Raw:
    given = dict(case["inputs"])
    if not isinstance(given.get("alpha"), float):
        return case
    return {**case, "inputs": {**given, "confidence_level": 1 - given.pop("alpha")}}


def limits(case: Raw) -> Raw:
    found = dict(case["expected"])
    if "ci" not in found:
        return case
    lower, upper = found.pop("ci")
    return {**case, "expected": {**found, "ci_lower": lower, "ci_upper": upper}}


def tolerance(shape: Callable[[Raw], Any]) -> Callable[[Raw], Raw]:
    return lambda case: {**case, "tolerance": shape(case)}


WAYS: dict[str, Callable[[Raw], Raw]] = {
    "backwards": backwards,
    "nobs": inputs(n="nobs", success="count"),
    "users": inputs(n="users", success="conversions", var="variance", sd="std"),
    "sums": inputs(sum_squares="sum_of_squares", n="size"),
    "capitals": inputs(control="Control", treatment="Treatment", success="Success"),
    "ab": inputs(control="A", treatment="B"),
    "baseline": inputs(control="baseline", treatment="variant"),
    "list": as_list,
    "groups": as_groups,
    "flat": flat,
    "observed": inputs(counts="observed", weights="shares", dirichlet_concentration_k="k"),
    "expected shares": inputs(weights="expected"),
    "by name": counts_by_name,
    "fractions": inputs(looks="information_fractions", spending="type"),
    "meta": inputs(effects="yi", variances="vi"),
    "confidence": confidence,
    "p_value": expected(p="p_value", z="z_score", t="t_value", df="dof"),
    "estimate": expected(effect="estimate", se="std_error", ci="conf_int"),
    "limits": limits,
    "evidence": expected(log_bayes_factor="lbf", chi2="chisq", n_per_arm="n_per_group"),
    "relative tolerance": tolerance(
        lambda c: {"rtol": c["tolerance"]["rel"], "atol": c["tolerance"]["abs"]}
    ),
    "tolerance a value": tolerance(lambda c: dict.fromkeys(c["expected"], c["tolerance"])),
    "tolerance number": tolerance(
        lambda c: c["tolerance"]["rel"] if 0 < c["tolerance"]["rel"] < 1 else c["tolerance"]
    ),
    "category": lambda case: {**case, "category": case["category"].upper().replace("-", "_")},
    "without words": lambda case: {k: v for k, v in case.items() if k not in ("id", "notes")},
}


@pytest.mark.parametrize("way", WAYS)
def test_a_case_in_another_spelling_is_the_same_case(way: str) -> None:
    said = [WAYS[way](copy.deepcopy(case)) for case in CASES]
    pairs = zip(said, CASES, strict=True)
    changed = [pair for pair in pairs if json.dumps(pair[0]) != json.dumps(pair[1])]
    failed = [outcome.line() for case, _ in changed if not (outcome := replay(case)).ok]
    assert changed
    assert not failed, "\n".join(failed)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"cases": CASES[:2]}),
        json.dumps(CASES[:2]),
        "\n".join(json.dumps(case) for case in CASES[:2]),
    ],
)
def test_a_file_is_an_object_a_list_or_lines(text: str) -> None:
    assert cases_in(text) == CASES[:2]


def test_a_wrong_value_fails_whatever_the_shape_of_its_tolerance() -> None:
    for shape in (1e-6, {"rtol": 1e-6}, {"p": 1e-6}, None):
        case = {**CASES[0], "expected": {"p": 0.06}, "tolerance": shape}
        assert not replay(case).ok
