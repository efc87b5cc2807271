"""The answer of ``optimize_ongoing_experiment``."""

from typing import Any, Literal

from pydantic import Field

from neonblue.tools.results.figure import Answer
from neonblue.tools.results.recommendation import SimilarOne


class OngoingChange(Answer):
    """One change and the call that makes it, or shows what it needs."""

    change: str
    detail: str
    source: Literal["rules", "verdict", "health", "traffic", "segment", "size", "memory"]
    urgency: Literal["now", "soon", "consider"]
    tool: str
    arguments: dict[str, Any]


class OngoingChanges(Answer):
    """Changes, the most urgent first."""

    experiment_id: str
    summary: str
    status: str
    state_version: int
    decision: str | None = Field(description="the verdict; null where nothing was analysed")
    units: int | None
    failed_checks: list[str]
    findings: list[str] = Field(description="codes of diagnose_experiment")
    segments_read: list[str]
    changes: list[OngoingChange]
    similar: list[SimilarOne]
