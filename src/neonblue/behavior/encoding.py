"""Units' properties (text by name) as numbers a linear model can use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Properties = Mapping[str, str]
MAX_CATEGORIES = 20
MIN_OF_A_CATEGORY = 20
MISSING = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericField:
    """A property that is a number: standardised, with its logarithm; missing is the mean."""

    name: str
    mean: float
    spread: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryField:
    """A property with few values: one indicator each.

    ``shares`` of the values stand in for a value that no unit had in training: all zeros would be a
    place far from everybody that was learnt from. They are zeros when there were other values.
    """

    name: str
    values: tuple[str, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How to turn properties into columns; fitted once, then the same for everyone."""

    numeric: tuple[NumericField, ...]
    categories: tuple[CategoryField, ...]

    def encode(self, units: Sequence[Properties]) -> Float:
        """One row a unit, (units, columns)."""
        columns = [_numbers(units, field) for field in self.numeric]
        columns += [_indicators(units, field) for field in self.categories]
        return np.column_stack(columns) if columns else np.zeros((len(units), 0))

    def column_names(self) -> list[str]:
        """What each column means, in words."""
        return [field.name for field in self.numeric] + [
            f"{field.name} = {value}" for field in self.categories for value in field.values
        ]


def fit_encoding(units: Sequence[Properties]) -> Encoding:
    """An encoding of the properties that vary; numbers with few values are categories as well."""
    numeric, categories = [], []
    for name in sorted({name for unit in units for name in unit}):
        texts = [unit.get(name, MISSING) for unit in units]
        common = [
            value
            for value, count in Counter(texts).most_common(MAX_CATEGORIES)
            if count >= MIN_OF_A_CATEGORY
        ]
        field = _numeric_field(name, texts)
        if field is not None:
            numeric.append(field)
        if len(common) >= 2 and sum(texts.count(value) for value in common) >= 0.8 * len(texts):
            categories.append(_category_field(name, sorted(common), texts))
    return Encoding(numeric=tuple(numeric), categories=tuple(categories))


def _category_field(name: str, values: Sequence[str], texts: Sequence[str]) -> CategoryField:
    shares = [texts.count(value) / len(texts) for value in values]
    others = len(texts) * (1 - sum(shares)) >= MIN_OF_A_CATEGORY
    return CategoryField(
        name=name, values=tuple(values), shares=tuple(0.0 if others else one for one in shares)
    )


def _numeric_field(name: str, texts: Sequence[str]) -> NumericField | None:
    numbers = np.array([_number(text) for text in texts])
    known = numbers[np.isfinite(numbers)]
    if len(known) < 0.9 * len(texts) or len(known) < 2 or known.std() == 0:
        return None
    return NumericField(name=name, mean=float(known.mean()), spread=float(known.std()))


def _number(text: Any) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _numbers(units: Sequence[Properties], field: NumericField) -> Float:
    numbers = np.array([_number(unit.get(field.name, MISSING)) for unit in units])
    known = np.where(np.isfinite(numbers), numbers, field.mean)
    return np.asarray((known - field.mean) / field.spread)[:, None]


def _indicators(units: Sequence[Properties], field: CategoryField) -> Float:
    texts = np.array([unit.get(field.name, MISSING) for unit in units], dtype=object)
    indicators = np.column_stack([(texts == value).astype(np.float64) for value in field.values])
    indicators[~indicators.any(axis=1)] = field.shares
    return indicators
