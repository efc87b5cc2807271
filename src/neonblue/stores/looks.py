"""The ledger of looks: every analysis of a running experiment, by whom, and what it saw.

Append-only. There is no way to change or remove a look, so no reader can start afresh.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neonblue.stores.database import Database

COLUMNS = (
    *("experiment_id", "version", "metric", "variant_id", "looked_at", "actor", "units"),
    *("estimate", "ci_lower", "ci_upper", "p_value", "running_p_value"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One metric of one variant at one analysis; ``estimate`` and limits on the absolute scale.

    Each analysis also has one row without metric and variant: the look itself, there even when
    effects were withheld.
    ``p_value`` is anytime-valid for this look's data; ``running_p_value`` the least so far.
    """

    experiment_id: str
    version: int
    metric: str
    variant_id: str
    looked_at: datetime
    actor: str
    units: int
    estimate: float
    ci_lower: float
    ci_upper: float
    p_value: float
    running_p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerState:
    """What earlier looks leave behind: their number, the units of the first, the least p-values."""

    looks: int
    first_units: int | None
    least_p: dict[tuple[str, str], float]


class Looks:
    """Who looked at what, when, and what it said."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, looks: Sequence[Look]) -> None:
        """Record one analysis; all its rows in one block."""
        self._database.insert_rows("looks", COLUMNS, [astuple(look) for look in looks])

    def state(self, experiment_id: str, version: int) -> LedgerState:
        """How often it was looked at, and this version's least p of each metric and variant.

        Looks count over all versions: a new name, or any other new version, does not make a
        watched experiment unwatched.
        """
        rows = self._database.rows(
            """
            SELECT metric, variant_id,
                if(countIf(version = {version:UInt32}) = 0, 1.,
                   minIf(p_value, version = {version:UInt32})),
                uniqExact(version, looked_at), min(units)
            FROM looks WHERE experiment_id = {id:String}
            GROUP BY metric, variant_id
            """,
            {"id": experiment_id, "version": version},
        )
        return LedgerState(
            looks=max((looks for *_, looks, _ in rows), default=0),
            first_units=min((units for *_, units in rows), default=None),
            least_p={(metric, variant): p for metric, variant, p, _, _ in rows},
        )

    def versions(self, experiment_id: str) -> frozenset[int]:
        """The versions that were looked at while they ran."""
        rows = self._database.rows(
            "SELECT DISTINCT version FROM looks WHERE experiment_id = {id:String}",
            {"id": experiment_id},
        )
        return frozenset(version for (version,) in rows)

    def history(
        self, experiment_id: str, *, metric: str | None = None, limit: int = 1000
    ) -> tuple[Look, ...]:
        """The newest looks of an experiment, oldest first."""
        rows = self._database.rows(
            f"""
            SELECT {", ".join(COLUMNS)} FROM looks
            WHERE experiment_id = {{id:String}} AND ({{metric:String}} IN ('', metric))
            ORDER BY looked_at DESC, metric, variant_id LIMIT {{limit:UInt32}}
            """,
            {"id": experiment_id, "metric": metric or "", "limit": limit},
        )
        return tuple(Look(**dict(zip(COLUMNS, row, strict=True))) for row in reversed(rows))
