"""A candidate experiment and the evidence it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Source = Literal["pattern", "winner", "funnel", "segment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A link: a document of the memory, or a figure of the data and the tool that shows it."""

    kind: Literal["experiment", "pattern", "segment", "data"]
    reference: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Idea:
    """``changes`` are texts for treatments, from what worked elsewhere where there is any."""

    source: Source
    category: str
    industry: str
    hypothesis: str
    changes: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    segment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """What a recommendation must respect; None is no limit."""

    industry: str = ""
    exclude_types: tuple[str, ...] = ()
    max_days: float | None = None
    max_units: int | None = None
    max_effort: Literal["low", "medium", "high"] = "high"
    baseline: float | None = None
    mde: float | None = None
    units_a_day: float | None = None
