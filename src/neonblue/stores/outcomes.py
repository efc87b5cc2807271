"""How finished experiments came out: the organisation's own past, for priors and shrinkage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from neonblue.models import MetricKind, MetricRole
from neonblue.models.experiment import Direction

if TYPE_CHECKING:
    from neonblue.stores.database import Database

COLUMNS = (
    *("experiment_id", "version", "metric", "variant_id", "role", "kind", "direction"),
    *("event_type", "units", "relative_lift", "standard_error", "decision"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One finished comparison: its relative lift (a fraction) and the error of its log ratio.

    ``direction`` says which way is good: a lift of a metric that should fall is a loss.
    """

    experiment_id: str
    version: int
    metric: str
    variant_id: str
    role: MetricRole
    kind: MetricKind
    direction: Direction
    event_type: str
    units: int
    relative_lift: float
    standard_error: float
    decision: str


class Outcomes:
    """What past experiments found."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, outcomes: Sequence[Outcome]) -> None:
        """Store how an experiment came out; the same comparison again replaces the earlier."""
        self._database.insert_rows("outcomes", COLUMNS, [astuple(item) for item in outcomes])

    def of(self, experiment_id: str) -> tuple[Outcome, ...]:
        """What was recorded of one experiment, its newest version."""
        return self._read("experiment_id = {id:String}", experiment_id)

    def versions(self, experiment_id: str) -> frozenset[int]:
        """The versions whose results were read after their end."""
        rows = self._database.rows(
            "SELECT DISTINCT version FROM outcomes WHERE experiment_id = {id:String}",
            {"id": experiment_id},
        )
        return frozenset(version for (version,) in rows)

    def past(self, *, apart_from: str = "", role: MetricRole = "primary") -> tuple[Outcome, ...]:
        """Every trusted outcome of a role, without one experiment's own."""
        kept = "experiment_id != {id:String} AND role = {role:String} AND decision != 'invalid'"
        return self._read(kept, apart_from, role)

    def _read(self, condition: str, experiment_id: str, role: str = "") -> tuple[Outcome, ...]:
        rows = self._database.rows(
            f"""
            SELECT {", ".join(COLUMNS)} FROM outcomes FINAL WHERE {condition}
            ORDER BY experiment_id, version DESC, metric, variant_id
            LIMIT 1 BY experiment_id, metric, variant_id
            """,
            {"id": experiment_id, "role": role},
        )
        return tuple(Outcome(**dict(zip(COLUMNS, row, strict=True))) for row in rows)
