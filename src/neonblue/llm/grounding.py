"""Whether every number in a text is one that the system computed.

Numbers are compared as they are written: a text may round (``4.3 %`` for 0.0432), use per cent,
thousands (``12k``) or millions, drop a sign (``a fall of 3 %``), never invent. Numbers inside the
evidence's own strings (names, dates, identifiers) count as known.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from typing import Any

NUMBER = re.compile(
    r"(?<![\w.])(?P<sign>[-+\u2212])?(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    r"(?:e(?P<exponent>[-+]?\d{1,2})(?!\d))?"
    r"(?P<unit>\s?(?:%|percentage points?|per cent|percent|pp\b"
    r"|k\b|m\b|million\b|thousand\b|bn\b|billion\b))?",
    re.IGNORECASE,
)
PART_OF_NAME = re.compile(r"\d+(?:\.\d+)?")
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


def ungrounded_numbers(text: str, evidence: object) -> list[str]:
    """The numbers in the text that are not in the evidence, as written, in order."""
    known = sorted({abs(number) for number in evidence_numbers(evidence)})
    return [number.text for number in written_numbers(text) if not _known(number, known)]


def evidence_numbers(evidence: object) -> Iterator[float]:
    """Every number in nested mappings, sequences, dataclasses, models and strings."""
    if isinstance(evidence, bool) or evidence is None:
        return
    if isinstance(evidence, int | float):
        if math.isfinite(evidence):
            yield float(evidence)
    elif isinstance(evidence, str):
        yield from (number.value for number in written_numbers(evidence))
        yield from (float(part) for part in PART_OF_NAME.findall(evidence))
    elif isinstance(evidence, date):
        yield from evidence_numbers(evidence.isoformat())
    else:
        for part in _parts(evidence):
            yield from evidence_numbers(part)


def _parts(evidence: Any) -> Iterable[object]:
    if isinstance(evidence, Mapping):
        return [*evidence.keys(), *evidence.values()]
    if is_dataclass(evidence):
        return [getattr(evidence, field.name) for field in fields(evidence)]
    if hasattr(type(evidence), "model_fields"):
        return [getattr(evidence, name) for name in type(evidence).model_fields]
    if isinstance(evidence, Iterable):
        return list(evidence)
    return []


def _known(number: WrittenNumber, known: list[float]) -> bool:
    tolerance = number.half_step * (1 + 1e-9) + 1e-12
    return any(abs(value - number.value) <= tolerance for value in known)
