"""A plan that changed while the experiment ran, or after its results were read."""

from __future__ import annotations

from neonblue.intelligence.diagnosis.case import Case
from neonblue.intelligence.diagnosis.finding import Finding, Severity
from neonblue.intelligence.history import plan_changes
from neonblue.stores import shown_queries


def changed_plan(case: Case) -> list[Finding]:
    """Versions that differ from the one before in what decides the units they share."""
    changes = plan_changes(case.store, case.experiment)
    return [
        *(_finding(case, change, "critical") for change in (*changes.breaking, *changes.moved)),
        *(_finding(case, change, "warning") for change in changes.noted),
    ]


def _finding(case: Case, change: str, severity: Severity) -> Finding:
    when = "while units came in" if severity == "critical" else "after its end"
    return Finding(
        code="plan_changed",
        severity=severity,
        side="assignment" if severity == "critical" else "analysis",
        headline=f"the plan changed {when}; {change}",
        fix="do not judge the same units by changed rules: a new version of a running experiment "
        "(`neonblue define FILE --new-version`) counts new units only; read units from before "
        "by the version they came in under, or combine versions stratified by day",
        evidence={"change": change},
        query=shown_queries.units_by_day(case.experiment.experiment_id),
    )
