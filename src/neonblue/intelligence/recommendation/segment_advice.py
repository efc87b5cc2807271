"""What a confirmed segment gives a reason for, by how it and the others fared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from neonblue.stores.documents import Document, MetadataValue

Action = Literal["only_segment", "all_but_segment", "adapt"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """``only_segment`` gains and the others are harmed or gain nothing; ``all_but_segment`` is
    harmed while the others gain; ``adapt``: one side gains less, and a version for it may do more.
    """

    action: Action
    change: str
    hypothesis: str


ONLY = Advice(
    action="only_segment",
    change="the change for the segment that gains, the old version for the others",
    hypothesis="If only the segment that gains sees the change, the others lose nothing by it.",
)
ALL_BUT = Advice(
    action="all_but_segment",
    change="the change for all but the segment that is harmed, which keeps the old version",
    hypothesis="If the segment that is harmed keeps the old version, only those see the change "
    "who gain from it.",
)
ADAPT_SEGMENT = Advice(
    action="adapt",
    change="the change for all, in another version for the segment that gains less",
    hypothesis="If the segment that gains less gets a version made for it, it gains more.",
)
ADAPT_OTHERS = Advice(
    action="adapt",
    change="the change for all, in another version for those outside the segment, who gain less",
    hypothesis="If those who gain less get a version made for them, they gain more.",
)


def advice_of(segment: Document) -> Advice | None:
    """What to do about a segment; None where its figures, or the others', are not remembered.

    A side gains where the interval of its own effect lies above zero, and is harmed where it lies
    below: a difference between two sides that both gain is no reason to withhold the change.
    """
    known = segment.metadata
    own = _side(known.get("improvement_lower"), known.get("improvement_upper"))
    rest = _side(known.get("improvement_of_rest_lower"), known.get("improvement_of_rest_upper"))
    if own is None or rest is None:
        return None
    if own == "gains":
        return _where_it_gains(known, rest)
    if own == "harmed":
        return ALL_BUT if rest == "gains" else None
    return ADAPT_SEGMENT if rest == "gains" else None


def _where_it_gains(known: Mapping[str, MetadataValue], rest: str) -> Advice:
    if rest == "harmed":
        return ONLY
    if rest == "unknown":
        return ADAPT_OTHERS
    own, others = _number(known.get("improvement")), _number(known.get("improvement_of_rest"))
    return ADAPT_OTHERS if own > others else ADAPT_SEGMENT


def _side(lower: object, upper: object) -> Literal["gains", "harmed", "unknown"] | None:
    if not isinstance(lower, int | float) or not isinstance(upper, int | float):
        return None
    if lower > 0:
        return "gains"
    return "harmed" if upper < 0 else "unknown"


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
