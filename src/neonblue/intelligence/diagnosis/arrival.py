"""Data that comes late, or has stopped coming."""

from __future__ import annotations

from neonblue.intelligence.diagnosis.case import Case
from neonblue.intelligence.diagnosis.finding import Finding
from neonblue.stores import shown_queries

SECONDS_A_DAY = 86_400.0


def stale_data(case: Case) -> list[Finding]:
    """A running experiment without recent events."""
    check = next((c for c in case.validity.checks if c.name == "data_freshness"), None)
    if check is None or check.status not in ("warn", "fail"):
        return []
    last = case.summaries.last_event_at
    return [
        Finding(
            code="stale_data",
            severity="critical" if check.status == "fail" else "warning",
            side="capture",
            headline=check.detail,
            fix="check that events are still sent and that the ingest worker keeps up "
            "(`neonblue doctor`); stop the experiment if it has ended",
            evidence={"last_event_at": last.isoformat() if last else "never"},
            query=shown_queries.arrival_by_day(case.experiment.experiment_id),
        )
    ]


def late_data(case: Case) -> list[Finding]:
    """Events of a running experiment that arrive more than a day after they happened.

    Where most do, the data was loaded in bulk: that is how it came, and no fault of a client.
    """
    if case.experiment.status != "running":
        return []
    lateness = case.store.health.lateness(case.experiment.experiment_id)
    if lateness.events == 0 or lateness.p99_seconds <= SECONDS_A_DAY:
        return []
    if lateness.median_seconds >= SECONDS_A_DAY:
        return []
    days = lateness.p99_seconds / SECONDS_A_DAY
    return [
        Finding(
            code="late_data",
            severity="warning",
            side="capture",
            headline=f"one event in a hundred arrives {days:.1f} days after it happened or later",
            fix="the newest days are incomplete: judge by units whose window has closed, and look "
            "for clients that send in batches",
            evidence={
                "median_seconds": lateness.median_seconds,
                "p99_seconds": lateness.p99_seconds,
            },
            query=shown_queries.arrival_by_day(case.experiment.experiment_id),
        )
    ]
