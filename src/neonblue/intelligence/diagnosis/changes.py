"""A plan that changed while the experiment ran."""

from __future__ import annotations

from neonblue.intelligence.diagnosis.case import Case
from neonblue.intelligence.diagnosis.finding import Finding
from neonblue.intelligence.history import allocation_changes
from neonblue.stores import shown_queries


def plan_changes(case: Case) -> list[Finding]:
    """Versions that differ from the one before in variants or weights."""
    return [_finding(case, change) for change in allocation_changes(case.store, case.experiment)]


def _finding(case: Case, change: str) -> Finding:
    return Finding(
        code="plan_changed",
        severity="critical",
        side="assignment",
        headline=f"the plan changed while units came in; {change}",
        fix="do not pool units from before and after: read each version by itself, or combine "
        "them stratified by day; change weights only with a new version and new units",
        evidence={"change": change},
        query=shown_queries.units_by_day(case.experiment.experiment_id),
    )
