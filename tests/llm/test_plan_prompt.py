"""The prompt that asks for a plan knows every kind, measure and field of one."""

import json
import re
from typing import get_args

import pytest

from neonblue.llm.prompts import read_prompt
from neonblue.query.model_plan import USED
from neonblue.query.plan import Kind, Measure, Plan, PropertyFilter, ValueCondition

TEXT = read_prompt("plan").text
EXAMPLES = [json.loads(found) for found in re.findall(r"→ (\{.*\})$", TEXT, re.MULTILINE)]


def test_every_kind_is_described_and_has_an_example() -> None:
    described = set(re.findall(r"^- (\w+): ", TEXT, re.MULTILINE))
    assert set(get_args(Kind)) <= described
    assert {one["kind"] for one in EXAMPLES} == set(get_args(Kind))


@pytest.mark.parametrize("name", [*Plan.model_fields, *get_args(Measure)])
def test_every_field_and_measure_is_named(name: str) -> None:
    assert re.search(rf"\b{name}\b", TEXT)


@pytest.mark.parametrize("model", [PropertyFilter, ValueCondition])
def test_every_part_of_a_filter_is_named(
    model: type[PropertyFilter] | type[ValueCondition],
) -> None:
    assert all(re.search(rf"\b{name}\b", TEXT) for name in model.model_fields)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one["kind"])
def test_an_example_is_a_plan_of_fields_that_its_kind_reads(example: dict[str, object]) -> None:
    Plan.model_validate(example)
    assert example.keys() <= USED[str(example["kind"])] | {"kind"}


def test_every_kind_has_its_fields() -> None:
    assert USED.keys() == set(get_args(Kind))
