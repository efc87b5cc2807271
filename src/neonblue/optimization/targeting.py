"""Whether a unit's properties meet an experiment's targeting conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from neonblue.models.eligibility import TargetingCondition, TargetingOperator, TargetingValue


def targeted(conditions: Sequence[TargetingCondition], properties: Mapping[str, Any]) -> bool:
    """Whether every condition holds; without conditions every unit is targeted."""
    return all(_holds(condition, properties.get(condition.property)) for condition in conditions)


def _holds(condition: TargetingCondition, found: Any) -> bool:
    return OPERATORS[condition.operator](found, condition.values)


def _same(found: Any, value: TargetingValue) -> bool:
    """Equal as JSON has it: true is not 1, and 5 is 5.0."""
    return isinstance(found, bool) == isinstance(value, bool) and bool(found == value)


def _is_number(found: Any) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool)


def _any_of(found: Any, values: tuple[TargetingValue, ...]) -> bool:
    return any(_same(found, value) for value in values)


OPERATORS: dict[TargetingOperator, Callable[[Any, tuple[Any, ...]], bool]] = {
    "in": _any_of,
    "not_in": lambda found, values: not _any_of(found, values),
    "at_least": lambda found, values: _is_number(found) and found >= values[0],
    "at_most": lambda found, values: _is_number(found) and found <= values[0],
    "starts_with": lambda found, values: isinstance(found, str) and found.startswith(values),
    "ends_with": lambda found, values: isinstance(found, str) and found.endswith(values),
}
