"""The cases of ``statistics.json``: one schema, and when a number is the expected one."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from neonblue.models import MetricSummary
from neonblue.stats.comparison import Comparison, InsufficientData, interval, p_value
from neonblue.stats.moments import proportion_summary, summary_from_sums

FILE = Path(__file__).with_name("statistics.json")
Given = Mapping[str, Any]
Answer = Callable[[Given], Mapping[str, Any]]
"""From the inputs of one case to the numbers that it expects, by its names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case as the file has it; ``tolerance`` has ``rel`` and ``abs``."""

    id: str
    category: str
    inputs: Given
    expected: Given
    source: str
    tolerance: Mapping[str, float]
    verified_by: list[str]
    notes: str | None


def cases_in(text: str) -> list[Case]:
    """The file's cases; raises ``ValueError`` where one has other fields than the schema."""
    found = json.loads(text)["cases"]
    names = {field.name for field in fields(Case)}
    for case in found:
        if set(case) != names or set(case["tolerance"]) != {"rel", "abs"}:
            raise ValueError(f"case {case.get('id')!r} has not the fields {sorted(names)!r}")
    return [Case(**case) for case in found]


def close(found: Any, expected: Any, tolerance: Mapping[str, float]) -> bool:
    """|found - expected| <= max(abs, rel |expected|), elementwise; "inf" is infinite."""
    if isinstance(expected, list):
        pairs = zip(list(found), expected, strict=True)
        return all(close(one, other, tolerance) for one, other in pairs)
    x, y = float(found), float(expected)
    if not math.isfinite(y):
        return x == y
    return abs(x - y) <= max(tolerance["abs"], tolerance["rel"] * abs(y))


def available(found: Comparison | InsufficientData) -> Comparison:
    """The comparison, which has to be one."""
    assert isinstance(found, Comparison), found
    return found


def counted(one: Given) -> MetricSummary:
    """A variant of ``success`` out of ``n``."""
    return proportion_summary(float(one["n"]), float(one["success"]))


def summed(one: Given) -> MetricSummary:
    """A variant of ``n``, ``sum`` and ``sum_squares``."""
    return summary_from_sums(float(one["n"]), float(one["sum"]), float(one["sum_squares"]))


def described(one: Given) -> MetricSummary:
    """A variant of ``n``, ``mean`` and ``var``."""
    return MetricSummary(n=float(one["n"]), mean=float(one["mean"]), variance=float(one["var"]))


def wald_lift(found: Comparison) -> dict[str, Any]:
    """The lift by the plain delta method: the error of the log ratio times the ratio.

    gbstats has it so, with the degrees of freedom of the raw variances; our own interval is made
    on the log scale.
    """
    assert found.relative_lift is not None
    assert found.log_ratio_standard_error is not None
    error = (1.0 + found.relative_lift) * found.log_ratio_standard_error
    df = found.degrees_of_freedom
    return {
        "effect": found.relative_lift,
        "se": error,
        "ci": interval(found.relative_lift, error, df, 0.05, "two-sided"),
        "p": p_value(found.relative_lift / error, df, "two-sided"),
    }
