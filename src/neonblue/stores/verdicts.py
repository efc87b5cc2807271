"""What each recorded analysis concluded: lists read it, so that they compute nothing again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neonblue.stores.database import Database

COLUMNS = (
    *("experiment_id", "version", "looked_at", "status", "decision", "validity", "detail"),
    *("eta_days", "metric", "variant_id", "basis", "units", "absolute_difference"),
    *("ci_lower", "ci_upper", "relative_lift", "relative_ci_lower", "relative_ci_upper"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedVerdict:
    """The verdict of one look and the primary effect behind it, with the limits that decided.

    ``metric`` and ``variant_id`` are '' and the figures None where nothing was shown. The
    difference is absolute, lifts are fractions; ``detail`` is the first reason.
    """

    experiment_id: str
    version: int
    looked_at: datetime
    status: str
    decision: str
    validity: str
    detail: str
    eta_days: float | None = None
    metric: str = ""
    variant_id: str = ""
    basis: str = ""
    units: int = 0
    absolute_difference: float | None = None
    ci_lower: float | None = None
    ci_upper: float | None = None
    relative_lift: float | None = None
    relative_ci_lower: float | None = None
    relative_ci_upper: float | None = None


class Verdicts:
    """The verdicts that looks came to."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, verdict: RecordedVerdict) -> None:
        """Record what one look concluded."""
        self._database.insert_rows("verdicts", COLUMNS, [astuple(verdict)])

    def newest(self, experiment_ids: Sequence[str] | None = None) -> dict[str, RecordedVerdict]:
        """The newest verdict of each experiment, or of some, by id."""
        some = "" if experiment_ids is None else "WHERE experiment_id IN {ids:Array(String)}"
        rows = self._database.rows(
            f"""
            SELECT {", ".join(COLUMNS)} FROM verdicts {some}
            ORDER BY experiment_id, looked_at DESC LIMIT 1 BY experiment_id
            """,
            {"ids": list(experiment_ids or ())},
        )
        found = (RecordedVerdict(**dict(zip(COLUMNS, row, strict=True))) for row in rows)
        return {one.experiment_id: one for one in found}
