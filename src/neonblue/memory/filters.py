"""Filters as callers write them, checked against a collection's fields.

``{"outcome": "success"}`` is equality, ``{"sample_size": {"gte": 1000}}`` an operator,
``{"industry": {"in": ["retail", "travel"]}}`` a choice, ``{"segments": {"contains": "mobile"}}``
asks whether a list has a value. All conditions must hold.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, cast

from neonblue.errors import InvalidInputError
from neonblue.memory.collections import Collection
from neonblue.stores.document_filter import Condition, FieldKind, Operator
from neonblue.stores.documents import MetadataValue

OPERATORS: dict[FieldKind, tuple[Operator, ...]] = {
    "text": ("eq", "ne", "in"),
    "number": ("eq", "ne", "gt", "gte", "lt", "lte", "in"),
    "list": ("contains",),
}
MAX_CONDITIONS = 20
MAX_CHOICES = 200


def parse_filters(
    collection: Collection, filters: Mapping[str, Any] | None
) -> tuple[Condition, ...]:
    """Typed conditions; ``InvalidInputError`` names the fields or operators that there are."""
    conditions = tuple(
        condition
        for field, wanted in (filters or {}).items()
        for condition in _conditions(collection, field, wanted)
    )
    if len(conditions) > MAX_CONDITIONS:
        raise InvalidInputError(
            f"{len(conditions)} filter conditions: give {MAX_CONDITIONS} or fewer"
        )
    return conditions


def meets(metadata: Mapping[str, MetadataValue], conditions: Iterable[Condition]) -> bool:
    """Whether a document meets all conditions; a missing field meets none."""
    return all(_meets_one(metadata.get(item.field), item) for item in conditions)


def _conditions(collection: Collection, field: str, wanted: Any) -> list[Condition]:
    kind = collection.fields.get(field)
    if kind is None:
        raise InvalidInputError(
            f"{collection.name} have no field {field!r}: filter by one of "
            f"{', '.join(sorted(collection.fields))}"
        )
    if not isinstance(wanted, Mapping):
        wanted = {"contains" if kind == "list" else "eq": wanted}
    if not wanted:
        raise InvalidInputError(
            f"the filter on {field!r} is empty: give a value or {{operator: value}} "
            f"with one of {', '.join(OPERATORS[kind])}"
        )
    return [_condition(field, kind, operator, value) for operator, value in wanted.items()]


def _condition(field: str, kind: FieldKind, operator: str, value: Any) -> Condition:
    if operator not in OPERATORS[kind]:
        raise InvalidInputError(
            f"{operator!r} is not an operator for the {kind} field {field!r}: "
            f"use one of {', '.join(OPERATORS[kind])}"
        )
    if operator != "in":
        return Condition(
            field=field, kind=kind, operator=operator, value=_value(field, kind, value)
        )
    if not isinstance(value, list | tuple) or len(value) > MAX_CHOICES:
        raise InvalidInputError(
            f"the filter {field!r} in {value!r} needs a list of at most {MAX_CHOICES} values"
        )
    choices = tuple(_value(field, kind, choice) for choice in value)
    return Condition(field=field, kind=kind, operator="in", value=choices)


def _value(field: str, kind: FieldKind, value: Any) -> str | float:
    if kind == "number":
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
        raise InvalidInputError(f"the filter on {field!r} needs a number, not {value!r}")
    if isinstance(value, str):
        return value
    raise InvalidInputError(f"the filter on {field!r} needs a text, not {value!r}")


def _meets_one(value: MetadataValue | None, condition: Condition) -> bool:
    wanted: Any = condition.value
    if value is None:
        return False
    if condition.operator == "contains":
        return isinstance(value, tuple) and wanted in value
    if condition.operator == "in":
        return value in wanted
    if condition.operator == "eq":
        return bool(value == wanted)
    if condition.operator == "ne":
        return bool(value != wanted)
    return _ordered(cast(float, value), condition.operator, wanted)


def _ordered(value: float, operator: Operator, wanted: float) -> bool:
    if operator == "gt":
        return value > wanted
    if operator == "gte":
        return value >= wanted
    return value < wanted if operator == "lt" else value <= wanted
