"""Users by their first value of properties, as columns and conditions with bound values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyIs:
    """A user's first value of a property is one of ``values``; with ``excluded``, none of them."""

    name: str
    values: tuple[str, ...]
    excluded: bool = False


def first_value(parameter: str) -> str:
    """A user's first value of the property that the parameter names; '' where there is none."""
    said = f"properties[{{{parameter}:String}}]"
    return f"argMinIf({said}, timestamp, {said} != '')"


def filter_columns(filters: Sequence[PropertyIs]) -> list[str]:
    """The values that filters look at, as ``filtered0``, ``filtered1``, ..."""
    return [f"{first_value(f'filter{n}')} AS filtered{n}" for n in range(len(filters))]


def filter_conditions(filters: Sequence[PropertyIs]) -> list[str]:
    """What has to hold of the columns; users without a value are neither in nor left out."""
    found = []
    for number, one in enumerate(filters):
        within = f"has({{wanted{number}:Array(String)}}, filtered{number})"
        column = f"filtered{number} != '' AND "
        found.append(f"{column}NOT {within}" if one.excluded else within)
    return found


def filter_parameters(filters: Sequence[PropertyIs]) -> dict[str, Any]:
    """What columns and conditions have to be given."""
    parameters: dict[str, Any] = {}
    for number, one in enumerate(filters):
        parameters |= {f"filter{number}": one.name, f"wanted{number}": list(one.values)}
    return parameters
