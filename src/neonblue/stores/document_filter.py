"""Conditions on a document's metadata, and their SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

FieldKind = Literal["text", "number", "list"]
Operator = Literal["eq", "ne", "gt", "gte", "lt", "lte", "in", "contains"]

COMPARISONS: dict[Operator, str] = {
    "eq": "=",
    "ne": "!=",
    "gt": ">",
    "gte": ">=",
    "lt": "<",
    "lte": "<=",
    "in": "IN",
}
TYPES: dict[FieldKind, str] = {"text": "String", "number": "Float64", "list": "String"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """``field operator value``; a document without the field never meets it.

    ``value`` is a tuple for ``in``. ``contains`` asks whether a list has the value.
    """

    field: str
    kind: FieldKind
    operator: Operator
    value: str | float | tuple[str | float, ...]


def compile_conditions(conditions: Sequence[Condition]) -> tuple[str, dict[str, object]]:
    """SQL that begins with ``AND`` (or is empty), and its parameters."""
    parts: list[str] = []
    parameters: dict[str, object] = {}
    for row, condition in enumerate(conditions):
        field, value = f"field_{row}", f"value_{row}"
        parameters[field] = condition.field
        given = condition.value
        parameters[value] = list(given) if isinstance(given, tuple) else given
        parts.append(_sql(condition, f"{{{field}:String}}", value))
    return "".join(f" AND {part}" for part in parts), parameters


def _sql(condition: Condition, field: str, value: str) -> str:
    column = f"{condition.kind}_values"
    present = f"mapContains({column}, {field})"
    kind = TYPES[condition.kind]
    if condition.operator == "contains":
        return f"({present} AND has({column}[{field}], {{{value}:{kind}}}))"
    wanted = f"{{{value}:Array({kind})}}" if condition.operator == "in" else f"{{{value}:{kind}}}"
    return f"({present} AND {column}[{field}] {COMPARISONS[condition.operator]} {wanted})"
