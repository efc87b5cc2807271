"""The ledger of looks: every time outcomes by variant were shown, by what, and what it saw.

Append-only. There is no way to change or remove a look, so no reader can start afresh. Each look
has an id of its own: two in the same microsecond, from whatever process, are two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from neonblue.models.lifecycle import WATCHED_STATUSES
from neonblue.stores.look_information import LookInformation, seen_by_comparison

if TYPE_CHECKING:
    from neonblue.stores.database import Database

COLUMNS = (
    *("experiment_id", "version", "metric", "variant_id", "looked_at", "actor", "units"),
    *("estimate", "ci_lower", "ci_upper", "p_value", "running_p_value"),
    *("look_id", "tool", "status", "fingerprint", "alpha", "effects", "one_look", "metrics"),
    *("compared_units", "information", "settled", "units_ended"),
)
WATCHED = f"status IN ({', '.join(map(repr, sorted(WATCHED_STATUSES | {''})))})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One metric of one variant at one analysis; ``estimate`` and limits on the absolute scale.

    Each look also has one row without metric and variant: the look itself, there even when
    effects were withheld (``effects`` is false then).
    ``p_value`` is anytime-valid for this look's data; ``running_p_value`` the least so far.
    ``fingerprint`` says which data were seen, ``alpha`` the level that decided, ``one_look``
    whether the textbook did. ``metrics`` has, in the row of the look itself, each metric's role
    and definition at that time. ``information`` is what a unit of the two variants that are
    compared (``compared_units``) carried, 0 before burn-in; ``settled`` whether the plan's end may
    be put into information from then on, ``units_ended`` whether no unit had come for long.
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
    look_id: str = ""
    tool: str = ""
    status: str = ""
    fingerprint: str = ""
    alpha: float = 0.0
    effects: bool = True
    one_look: bool = False
    metrics: Mapping[str, str] = field(default_factory=dict)
    compared_units: float = 0.0
    information: float = 0.0
    settled: bool = False
    units_ended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstReading:
    """The first look that showed effects: when, of which version, with which metrics.

    ``metrics`` maps a name to role and definition; empty for looks of before they were kept.
    """

    looked_at: datetime
    version: int
    metrics: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerState:
    """What earlier looks leave behind.

    Their number, the units of the first, this version's least p-values; ``read_versions`` are
    those of which effects were shown; ``other_data`` counts looks at other data than the current
    ones, or while units still came, ``one_looks_elsewhere`` those that the textbook decided on
    other data.
    """

    looks: int
    first_units: int | None
    least_p: dict[tuple[str, str], float]
    read_versions: frozenset[int] = frozenset()
    other_data: int = 0
    one_looks_elsewhere: int = 0
    first_reading: FirstReading | None = None
    information: LookInformation = field(default_factory=LookInformation)


class Looks:
    """Who looked at what, when, and what it said."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, looks: Sequence[Look]) -> None:
        """Record one look; all its rows in one block, under one new id."""
        look_id = uuid4().hex
        rows = [astuple(replace(look, look_id=look.look_id or look_id)) for look in looks]
        self._database.insert_rows("looks", COLUMNS, rows)

    def state(
        self,
        experiment_id: str,
        version: int,
        *,
        fingerprint: str = "",
        alpha: float | None = None,
    ) -> LedgerState:
        """How often it was looked at, and this version's least p of each metric and variant.

        Looks count over all versions: a new name, or any other new version, does not make a
        watched experiment unwatched. ``alpha`` leaves out p-values of looks that were decided at
        another level, by another boundary.
        """
        looks = self._database.rows(
            f"""
            SELECT look_version, count(), min(look_units), max(shown),
                argMinIf(reading, reading.1, shown), countIf(elsewhere),
                countIf(decided AND elsewhere)
            FROM (
                SELECT version AS look_version, min(units) AS look_units,
                    max(effects) AS shown, max(one_look) AS decided,
                    max(fingerprint != {{fingerprint:String}} OR {WATCHED}) AS elsewhere,
                    argMinIf(tuple(looked_at, metrics), metric, effects) AS reading
                FROM looks WHERE experiment_id = {{id:String}} GROUP BY version, looked_at, look_id
            ) GROUP BY look_version
            """,
            {"id": experiment_id, "fingerprint": fingerprint},
        )
        least_p, information = seen_by_comparison(
            self._database, experiment_id, version, alpha=alpha
        )
        return LedgerState(
            looks=sum(count for _, count, *_ in looks),
            first_units=min((units for _, _, units, *_ in looks), default=None),
            least_p=least_p,
            read_versions=frozenset(one for one, _, _, shown, *_ in looks if shown),
            other_data=sum(other for *_, other, _ in looks),
            one_looks_elsewhere=sum(one for *_, one in looks),
            first_reading=_first_reading(looks),
            information=information,
        )

    def first_readings(self, experiment_ids: Sequence[str]) -> dict[str, FirstReading]:
        """The first look of each that showed effects; else its first look, which withheld them."""
        rows = self._database.rows(
            """
            WITH tuple(looked_at, version, metrics) AS look
            SELECT experiment_id, argMin(look, (NOT effects, looked_at, metric)) FROM looks
            WHERE experiment_id IN {ids:Array(String)} GROUP BY experiment_id
            """,
            {"ids": list(experiment_ids)},
        )
        return {
            name: FirstReading(looked_at=look[0], version=look[1], metrics=dict(look[2]))
            for name, look in rows
        }

    def versions(self, experiment_id: str, *, watched: bool = True) -> frozenset[int]:
        """The versions that were looked at while they ran; with ``watched`` false, ever."""
        condition = WATCHED if watched else "1"
        rows = self._database.rows(
            f"SELECT DISTINCT version FROM looks WHERE experiment_id = {{id:String}} "
            f"AND {condition}",
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


def _first_reading(looks: Sequence[Sequence[Any]]) -> FirstReading | None:
    """The earliest look that showed effects, of rows of version, looks, units, shown, reading."""
    shown = [(*reading, version) for version, _, _, effects, reading, *_ in looks if effects]
    if not shown:
        return None
    looked_at, metrics, version = min(shown, key=lambda each: each[0])
    return FirstReading(looked_at=looked_at, version=version, metrics=dict(metrics))
