"""The answer of ``diagnose_experiment``."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from neonblue.tools.results.content import Chart
from neonblue.tools.results.figure import Answer, Figure
from neonblue.tools.results.performance import Check


class Evidence(Answer):
    """One figure or fact behind a finding."""

    name: str
    value: int | Figure | str | list[str]


class DiagnosticFinding(Answer):
    """One cause: what was found, on which side, how to check it and how to mend it."""

    rank: int
    code: str
    severity: Literal["critical", "warning", "note"]
    side: Literal["assignment", "capture", "analysis", "undetermined"]
    headline: str
    fix: str
    p_value: Figure | None
    evidence: list[Evidence]
    query: str | None


class Diagnosis(Answer):
    """Whether an experiment can be trusted and, if not, why; the most likely cause first."""

    experiment_id: str
    summary: str
    trust: Literal["trusted", "caution", "not_trusted", "insufficient_data"]
    next_step: str
    srm_p_value: Figure | None
    srm_sequential_p_value: Figure | None
    as_of: datetime
    findings: list[DiagnosticFinding]
    checks: list[Check]
    charts: list[Chart] = Field(default_factory=list)
