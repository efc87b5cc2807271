"""A split that is off the plan, in total or on some days."""

from __future__ import annotations

from dataclasses import replace

from neonblue.intelligence.diagnosis.case import Case
from neonblue.intelligence.diagnosis.finding import Finding
from neonblue.intelligence.diagnosis.sample_ratio import drift, mismatch_causes, uneven


def split_causes(case: Case) -> list[Finding]:
    """The causes of a mismatch; without one, segments or days that cancel each other out."""
    status = next(c.status for c in case.validity.checks if c.name == "sample_ratio")
    if status == "fail":
        return list(mismatch_causes(case.allocation))
    found = [*uneven(case.allocation), drift(case.allocation)]
    if status == "warn":
        found = [*mismatch_causes(case.allocation)]
    return [replace(item, severity="warning") for item in found if item is not None]
