"""From a diagnosis to the answer of ``diagnose_experiment``."""

from __future__ import annotations

import math
from collections.abc import Sequence

from neonblue.intelligence.diagnosis import Diagnosis
from neonblue.intelligence.diagnosis.finding import EvidenceValue, Finding
from neonblue.models.written_text import fenced
from neonblue.tools.results import diagnosis as answer
from neonblue.tools.results.content import Chart
from neonblue.tools.results.performance import Check

MOST_FINDINGS = 12
FENCED = frozenset({"unit", "experiment", "other_variant"})
NEXT_STEPS = {
    "trusted": "read the effects with analyze_experiment_performance",
    "caution": "read the effects with analyze_experiment_performance, with the findings in mind",
    "not_trusted": "mend the first cause and start again; do not use effects collected so far",
    "insufficient_data": "no exposures yet: check that they are sent, or load data",
}


def diagnosis(found: Diagnosis, drawn: Sequence[Chart] = ()) -> answer.Diagnosis:
    """The whole answer, the likeliest cause first."""
    shown = found.findings[:MOST_FINDINGS]
    return answer.Diagnosis(
        experiment_id=found.experiment.experiment_id,
        summary=_summary(found),
        trust=found.trust,
        next_step=NEXT_STEPS[found.trust],
        srm_p_value=found.validity.srm_p_value,
        srm_sequential_p_value=found.validity.srm_sequential_p_value,
        as_of=found.as_of,
        findings=[_finding(rank, finding) for rank, finding in enumerate(shown, start=1)],
        checks=[Check.model_validate(check) for check in found.validity.checks],
        charts=list(drawn),
    )


def _shown(name: str, value: EvidenceValue) -> EvidenceValue:
    """What clients wrote into their events is fenced as data."""
    if name == "values" and isinstance(value, list):
        return [fenced(item) for item in value]
    return fenced(value) if name in FENCED and isinstance(value, str) else value


def _summary(found: Diagnosis) -> str:
    word = found.trust.replace("_", " ")
    if not found.findings:
        return f"{word}: nothing was found against it"
    first = found.findings[0]
    return f"{word}: {first.headline} ({first.side} side)"


def _finding(rank: int, finding: Finding) -> answer.DiagnosticFinding:
    return answer.DiagnosticFinding(
        rank=rank,
        code=finding.code,
        severity=finding.severity,
        side=finding.side,
        headline=finding.headline,
        fix=finding.fix,
        p_value=None if finding.log_p is None else math.exp(finding.log_p),
        evidence=[
            answer.Evidence(name=name, value=_shown(name, value))
            for name, value in finding.evidence.items()
        ],
        query=finding.query,
    )
