"""What other tables know of a log: entries that must have been there, though its ends are gone.

Whoever empties a log and removes the files that keep its ends has the other tables to empty too.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neonblue.stores.database import Database

FORECAST_ENTRIES = "forecast_log_entries"
"""Under this name the decisions in the audit log keep how many entries the other log had."""


def missing_forecasts(database: Database, entries: int) -> list[str]:
    """A sentence when the audit log tells of more entries than the log of forecasts has."""
    row = database.row(
        """
        SELECT max(JSONExtractUInt(content, {name:String}) AS known), argMax(logged_at, known)
        FROM audit_log
        """,
        {"name": FORECAST_ENTRIES},
    )
    known, at = (0, None) if row is None else row
    if known <= entries:
        return []
    return [
        f"the audit log of {at:%Y-%m-%d %H:%M} tells of {known} entries, and {entries} are here"
    ]


def missing_audit(database: Database, first: datetime | None) -> list[str]:
    """A sentence when an act was asked for before the ``first`` entry of the audit log.

    Nothing is asked for before the policy in force is an entry.
    """
    row = database.row("SELECT count(), min(requested_at) FROM approvals")
    if row is None or not row[0]:
        return []
    asked: datetime = row[1]
    if first is not None and first.astimezone(UTC) <= asked.astimezone(UTC):
        return []
    return [
        f"an approval was asked for at {asked:%Y-%m-%d %H:%M}, before all entries that are here: "
        "those of then are missing"
    ]
