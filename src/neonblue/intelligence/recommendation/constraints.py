"""What a recommendation must respect, and what of it cannot be checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from neonblue.intelligence.forecast.sizing import DEFAULT_MDE
from neonblue.intelligence.recollection.category import effort_of
from neonblue.intelligence.recollection.category_table import BY_NAME
from neonblue.intelligence.recommendation.idea import Idea
from neonblue.models.written_text import shown_name

EFFORTS = ("low", "medium", "high")


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """None, or nothing, is no limit."""

    industry: str = ""
    exclude_types: tuple[str, ...] = ()
    max_days: float | None = None
    max_units: int | None = None
    max_effort: Literal["low", "medium", "high"] = "high"
    baseline: float | None = None
    mde: float | None = None
    units_per_day: float | None = None

    def allows(self, idea: Idea) -> bool:
        """Whether an idea's kind and effort are within the limits."""
        excluded = {_named(name) for name in self.exclude_types}
        effort = EFFORTS.index(effort_of(idea.kind))
        return not {idea.kind, idea.category} & excluded and effort <= EFFORTS.index(
            self.max_effort
        )


def unchecked(
    constraints: Constraints, units_per_day: float | None, kinds: frozenset[str]
) -> tuple[str, ...]:
    """The constraints that were given and could not be checked, each with what is missing.

    ``kinds`` are the kinds of change that the memory knows.
    """
    return tuple(_unchecked(constraints, units_per_day, kinds))


def _unchecked(
    constraints: Constraints, units_per_day: float | None, kinds: frozenset[str]
) -> Iterator[str]:
    limits = {"max_days": constraints.max_days, "max_units": constraints.max_units}
    given = {name: value for name, value in limits.items() if value is not None}
    for name, value in given.items():
        missing = [] if constraints.baseline else ["baseline"]
        missing += ["units_per_day"] if name == "max_days" and units_per_day is None else []
        if missing:
            yield f"{name}={value:g} was not checked: give {' and '.join(missing)}"
    if constraints.baseline and given and constraints.mde is None:
        yield f"sizes are for a change of {DEFAULT_MDE:.0%}: give mde if another one matters"
    unknown = [one for one in constraints.exclude_types if _named(one) not in kinds | set(BY_NAME)]
    if unknown:
        named = ", ".join(repr(shown_name(one)) for one in unknown)
        known = ", ".join(sorted(map(shown_name, kinds)))
        yield f"exclude_types {named} excluded nothing: the kinds here are {known}"


def _named(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")
