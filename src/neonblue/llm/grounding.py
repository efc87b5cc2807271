"""Whether every number in a text is one that the system computed.

Numbers are compared as they are written: a text may round (``4.3 %`` for 0.0432), use per cent,
thousands (``12k``) or millions, drop a sign (``a fall of 3 %``), never invent. Digits of names and
dates are known as parts of these alone; numbers in sentences of the evidence count as numbers.
"""

from __future__ import annotations

import calendar
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from typing import Any

from neonblue.models.written_text import FENCE, is_name

LONGEST_NAME = 80
NUMBER_ALONE = re.compile(r"[-+\u2212]?[\d.,]+\s?%?\Z")
NUMBER = re.compile(
    r"(?<![\w.])(?P<sign>[-+\u2212])?(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    r"(?:e(?P<exponent>[-+]?\d{1,2})(?!\d))?"
    r"(?P<unit>\s?(?:%|percentage points?|per cent|percent|pp\b"
    r"|k\b|m\b|million\b|thousand\b|bn\b|billion\b))?",
    re.IGNORECASE,
)
ISO_TIME = re.compile(
    r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
)
PER_CENT = ("%", "percentage point", "percentage points", "per cent", "percent", "pp")
SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "bn": 1e9, "billion": 1e9}


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenNumber:
    """A number as it stands in a text: ``value`` in plain units, ``half_step`` its rounding."""

    text: str
    value: float
    half_step: float


def written_numbers(text: str) -> Iterator[WrittenNumber]:
    """Every number in a text; digits inside words such as ``B2B`` or ``exp_12`` are names."""
    for match in NUMBER.finditer(text):
        digits = match["digits"].replace(",", "")
        decimals = len(digits.partition(".")[2]) - int(match["exponent"] or 0)
        unit = (match["unit"] or "").strip().lower()
        scale = 0.01 if unit in PER_CENT else SCALES.get(unit, 1.0)
        value = float(digits) * 10.0 ** int(match["exponent"] or 0) * scale
        yield WrittenNumber(
            text=match.group().strip(), value=value, half_step=0.5 * 10.0**-decimals * scale
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number of the evidence; ``signed`` where its sign says something, as a lift's does."""

    value: float
    key: str
    signed: bool


SIGNED = frozenset(
    {
        *("relative_lift", "relative_change", "improvement", "lift", "change"),
        *("absolute_difference", "difference", "shrunk_relative_lift", "ci_lower", "ci_upper"),
    }
)


def ungrounded_numbers(text: str, evidence: object) -> list[str]:
    """The numbers in the text that are not in the evidence, as written, in order."""
    known = list(figures(evidence))
    left = without_names(text, names_in(evidence))
    return [one.text for one in written_numbers(left) if not matching(one, known)]


def matching(number: WrittenNumber, known: Iterable[Figure]) -> list[Figure]:
    """The figures that the number can stand for, whatever their sign."""
    tolerance = number.half_step * (1 + 1e-9) + 1e-12
    return [one for one in known if abs(abs(one.value) - number.value) <= tolerance]


def figures(evidence: object, key: str = "") -> Iterator[Figure]:
    """Every number in nested mappings, sequences, dataclasses, models and sentences."""
    if isinstance(evidence, bool) or evidence is None:
        return
    if isinstance(evidence, int | float):
        value = float(evidence)
        if math.isfinite(value):
            yield Figure(value=value, key=key, signed=key in SIGNED or value < 0)
    elif isinstance(evidence, str):
        for number in written_numbers(ISO_TIME.sub(" ", evidence)):
            sign = number.text[0]
            value = -number.value if sign in "-\u2212" else number.value
            yield Figure(value=value, key=key, signed=sign in "+-\u2212")
    elif not isinstance(evidence, date):
        for name, part in _parts(evidence):
            yield from figures(part, name or key)


def texts(evidence: object, key: str = "") -> Iterator[tuple[str, str]]:
    """Every string in the evidence with the key that it stands under, and keys themselves."""
    if isinstance(evidence, str):
        yield key, evidence
    elif isinstance(evidence, date):
        yield key, evidence.isoformat()
    elif not isinstance(evidence, int | float) and evidence is not None:
        for name, part in _parts(evidence):
            yield from texts(part, name or key)


def names_in(evidence: object) -> set[str]:
    """Strings that are names, dates in every way that they are written, and dates in sentences."""
    found: set[str] = set()
    for _, text in texts(evidence):
        bare = FENCE.sub("", text).strip()
        if bare and len(bare) <= LONGEST_NAME and (is_name(bare) or not NUMBER_ALONE.match(bare)):
            found.add(bare)
        for match in ISO_TIME.finditer(bare):
            found |= _dates(match.group())
    return found


def without_names(text: str, names: Iterable[str]) -> str:
    """The text with every name replaced by a space, the longest first."""
    for name in sorted((one for one in names if one), key=len, reverse=True):
        text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", " ", text, flags=re.IGNORECASE)
    return text


def _dates(written: str) -> set[str]:
    day = written[:10]
    try:
        year, month, number = (int(part) for part in day.split("-"))
        name = calendar.month_name[month]
    except (ValueError, IndexError):
        return {written}
    return {
        written,
        day,
        f"{number} {name} {year}",
        f"{name} {number}, {year}",
        f"{number} {name}",
        f"{name} {number}",
        f"{name} {year}",
    }


def _parts(evidence: Any) -> Iterable[tuple[str, object]]:
    if isinstance(evidence, Mapping):
        return [(str(key), value) for key, value in evidence.items()]
    if is_dataclass(evidence):
        return [(field.name, getattr(evidence, field.name)) for field in fields(evidence)]
    if hasattr(type(evidence), "model_fields"):
        return [(name, getattr(evidence, name)) for name in type(evidence).model_fields]
    if isinstance(evidence, Iterable):
        return [("", part) for part in evidence]
    return []
