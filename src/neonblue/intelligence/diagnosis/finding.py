"""One thing that is wrong with an experiment, or may be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["critical", "warning", "note"]
EvidenceValue = float | int | str | list[str]
Side = Literal["assignment", "capture", "analysis", "undetermined"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A cause with its evidence, the query that shows it and the fix.

    ``log_p`` is the natural log of the corrected p-value of the evidence; None where the evidence
    is a count and not a test. ``query`` is a SELECT over the store's tables.
    """

    code: str
    severity: Severity
    side: Side
    headline: str
    fix: str
    log_p: float | None = None
    evidence: Mapping[str, EvidenceValue] = field(default_factory=dict)
    query: str | None = None
