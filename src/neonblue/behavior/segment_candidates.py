"""Which parts of the units a search looks at, and which it does not and why.

A property with few values gives each of them; one that is a number, its lowest and highest third;
one with many texts, its commonest. What is left out is named: a search that says nothing of a part
of the units would be read as one that found nothing there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
MAX_VALUES = 12
MIN_NUMERIC_SHARE = 0.9
"""Share of a property's values that are numbers for it to be cut into thirds."""
MIN_PER_VARIANT = 20
PAIRED_CANDIDATES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A property, or some of its values, that a search did not look at, and why."""

    property_name: str
    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Parts by description, as flags over the units, and what was left out."""

    members: Mapping[str, Flags]
    left_out: tuple[LeftOut, ...]


def find_parts(
    properties: Sequence[Mapping[str, str]], treated: Flags, unusable: Mapping[str, str]
) -> Candidates:
    """All parts by one property; ``unusable`` properties are left out for the reason given.

    A part and its complement are one contrast, so that only the smaller is kept.
    """
    members: dict[str, Flags] = {}
    left_out: list[LeftOut] = []
    for name in sorted({key for one in properties for key in one}):
        if name in unusable:
            left_out.append(LeftOut(property_name=name, what="all", why=unusable[name]))
            continue
        values = np.array([one.get(name, "") for one in properties], dtype=str)
        for part in _parts(name, values):
            if isinstance(part, LeftOut):
                left_out.append(part)
            else:
                _add(part, members, left_out, treated)
    return Candidates(members=members, left_out=tuple(left_out))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    property_name: str
    what: str
    inside: Flags


def _add(part: _Part, members: dict[str, Flags], left_out: list[LeftOut], treated: Flags) -> None:
    if (why := _too_small(part.inside, treated)) is not None:
        left_out.append(LeftOut(property_name=part.property_name, what=part.what, why=why))
        return
    for name, other in list(members.items()):
        if np.array_equal(other, part.inside):
            return
        if np.array_equal(other, ~part.inside):
            if part.inside.sum() >= other.sum():
                return
            del members[name]
    members[f"{part.property_name} {part.what}"] = part.inside


def _too_small(inside: Flags, treated: Flags) -> str | None:
    """Why a part, or what is outside of it, cannot be measured on one half of the units."""
    cells = [
        int((side & group).sum()) for side in (inside, ~inside) for group in (treated, ~treated)
    ]
    if min(cells) >= 2 * MIN_PER_VARIANT:
        return None
    where = "inside" if min(cells[:2]) < 2 * MIN_PER_VARIANT else "outside"
    return f"{min(cells)} units {where} in one variant, {2 * MIN_PER_VARIANT} are needed"


def _parts(name: str, values: NDArray[np.str_]) -> Iterator[_Part | LeftOut]:
    distinct, counts = np.unique(values[values != ""], return_counts=True)
    if len(distinct) < 2:
        yield LeftOut(property_name=name, what="all", why="it has one value only")
    elif len(distinct) <= MAX_VALUES:
        yield from (_value(name, values, str(value)) for value in distinct)
    elif (numbers := _numbers(values)) is not None:
        yield from _thirds(name, numbers)
        if texts := int((np.isnan(numbers) & (values != "")).sum()):
            yield LeftOut(
                property_name=name, what=f"{texts:,} units", why="their value is not a number"
            )
    else:
        order = np.argsort(-counts, kind="stable")
        yield from (_value(name, values, str(distinct[i])) for i in order[:MAX_VALUES])
        rest = counts[order[MAX_VALUES:]]
        yield LeftOut(
            property_name=name,
            what=f"{len(rest):,} rarer values, {int(rest.sum()):,} units",
            why=f"of {len(distinct):,} values the {MAX_VALUES} commonest are looked at",
        )


def _value(name: str, values: NDArray[np.str_], value: str) -> _Part:
    return _Part(property_name=name, what=f"is {value}", inside=values == value)


def _numbers(values: NDArray[np.str_]) -> NDArray[np.float64] | None:
    """The values as numbers, NaN where they are none; None where too few are."""
    numbers = np.array([_number(text) for text in values])
    given = values != ""
    return numbers if np.isfinite(numbers[given]).mean() >= MIN_NUMERIC_SHARE else None


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def _thirds(name: str, numbers: NDArray[np.float64]) -> Iterator[_Part]:
    low, high = np.nanquantile(numbers, [1 / 3, 2 / 3])
    yield _Part(property_name=name, what=f"up to {low:g}", inside=numbers <= low)
    if high > low:
        yield _Part(property_name=name, what=f"above {high:g}", inside=numbers > high)


def pairs_of(best: Sequence[str], members: Mapping[str, Flags], treated: Flags) -> dict[str, Flags]:
    """Two parts by different properties together, of the ones that differ most."""
    found: dict[str, Flags] = {}
    for a, b in combinations(best[:PAIRED_CANDIDATES], 2):
        if a.split(" ")[0] == b.split(" ")[0]:
            continue
        together = members[a] & members[b]
        if _too_small(together, treated) is None:
            found[f"{a} and {b}"] = together
    return found
