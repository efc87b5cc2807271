"""Studies that tune parameters, as records that are only appended; the first of each counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from neonblue.stores.database import Database

RecordKind = Literal["declare", "ask", "tell"]


class TuningRecords:
    """``content`` is JSON that the optimization engine writes and reads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, study_id: str, kind: RecordKind, trial: int, content: str) -> None:
        """Record something of a trial (0 is the study itself); the same again changes nothing."""
        self._database.insert_rows(
            "tuning_records",
            ["study_id", "kind", "trial", "content"],
            [[study_id, kind, trial, content]],
            once=f"tuning {len(study_id)} {study_id} {kind} {trial}",
        )

    def of(self, study_id: str) -> dict[tuple[RecordKind, int], str]:
        """Everything of a study; empty for an unknown one."""
        rows = self._database.rows(
            "SELECT kind, trial, argMin(content, recorded_at) FROM tuning_records "
            "WHERE study_id = {id:String} GROUP BY kind, trial ORDER BY trial, kind",
            {"id": study_id},
        )
        return {(kind, int(trial)): str(content) for kind, trial, content in rows}
