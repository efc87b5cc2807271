"""Experiments in ClickHouse: the plan and its versions, the statuses, what events say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, get_args

from neonblue.errors import InvalidInputError, NotFoundError
from neonblue.models import Experiment, ExperimentStatus
from neonblue.models.close_names import close_names
from neonblue.models.lifecycle import FINISHED_STATUSES
from neonblue.models.untimed import known_time
from neonblue.stores.experiment_history import (
    Change,
    ExperimentHistory,
    Step,
    decoded,
    next_version,
)

if TYPE_CHECKING:
    from neonblue.stores.database import Database

Span = tuple[datetime | None, datetime | None]
"""First and last event, UTC; None where no time is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What events say about an experiment, defined or not. Times are UTC, None where unknown."""

    experiment_id: str
    units: int
    first_event_at: datetime | None
    last_event_at: datetime | None
    variants: tuple[str, ...]
    event_types: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentListing:
    """One line of the list: the definition (None while ``undefined``) and what was seen."""

    experiment_id: str
    status: ExperimentStatus
    experiment: Experiment | None
    seen: Seen | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange:
    """One change of status: who made it, when and why."""

    status: ExperimentStatus
    reason: str
    actor: str
    changed_at: datetime


class Experiments:
    """Definitions with versions, statuses with history."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._history = ExperimentHistory(database)

    def save(self, experiment: Experiment, *, source: str = "tool") -> Experiment:
        """Store a definition and return it as stored.

        The same definition again changes nothing; another one becomes the next version. Whether
        a change is allowed is for the caller to decide: ``neonblue.experiments`` does.
        """

        def decide(current: Change | None) -> Step | None:
            known = None if current is None else current.experiment
            stored = next_version(known, experiment)
            if known is not None and stored.version == known.version:
                return None
            return Step(experiment=stored, action="define", source=source, actor=source)

        self._history.take(experiment.experiment_id, decide)
        return self.get(experiment.experiment_id)

    def set_status(
        self, experiment_id: str, status: ExperimentStatus, *, reason: str = "", actor: str = ""
    ) -> Experiment:
        """Append a change of status and return the experiment as it is now."""
        if status not in get_args(ExperimentStatus):
            raise InvalidInputError(
                f"{status!r} is not a status: use one of {', '.join(get_args(ExperimentStatus))}"
            )
        self.get(experiment_id)

        def decide(current: Change | None) -> Step | None:
            if current is None:
                return None
            return Step(
                experiment=replace(current.experiment, status=status),
                action="status",
                status_said=True,
                source=actor,
                actor=actor,
                reason=reason,
            )

        self._history.take(experiment_id, decide)
        return self.get(experiment_id)

    def find(self, experiment_id: str) -> Experiment | None:
        """The newest version, with its current status, or None when it is not defined."""
        newest = self._history.newest(experiment_id)
        return None if newest is None else newest.experiment

    def get(self, experiment_id: str) -> Experiment:
        """The newest version; ``NotFoundError`` says what was seen, or which names are close."""
        found = self.find(experiment_id)
        if found is None:
            raise NotFoundError(self._missing(experiment_id))
        return found

    def versions(self, experiment_id: str) -> list[Experiment]:
        """Every version of a definition as it was planned, oldest first; none when undefined."""
        return [plan for plan, _ in self._planned(experiment_id)]

    def version(self, experiment_id: str, version: int) -> Experiment:
        """One version of a definition, as it was planned."""
        for plan, _ in self._planned(experiment_id):
            if plan.version == version:
                return plan
        raise NotFoundError(
            f"experiment {experiment_id!r} has no version {version!r}: "
            "call list_experiments to see what there is"
        )

    def status_history(self, experiment_id: str) -> tuple[StatusChange, ...]:
        """Every change of status, oldest first."""
        rows = self._database.rows(
            """
            SELECT status, reason, actor, recorded_at FROM experiment_history
            WHERE experiment_id = {id:String} AND status_said ORDER BY state_version
            """,
            {"id": experiment_id},
        )
        return tuple(
            StatusChange(status=status, reason=reason, actor=actor, changed_at=changed_at)
            for status, reason, actor, changed_at in rows
        )

    def declared_end(self, experiment_id: str) -> StatusChange | None:
        """Who said that it ended, and when: a change of status, or a definition that was written.

        None while it has not ended, and where only the definition that came with a file says so:
        loading used to take that for granted.
        """
        history = self.status_history(experiment_id)
        if history:
            return history[-1] if history[-1].status in FINISHED_STATUSES else None
        row = self._database.row(
            """
            SELECT status, source, recorded_at FROM experiment_history
            WHERE experiment_id = {id:String} AND plan_changed ORDER BY state_version LIMIT 1
            """,
            {"id": experiment_id},
        )
        if row is None or row[1] == "load" or row[0] not in FINISHED_STATUSES:
            return None
        return StatusChange(status=row[0], reason="defined", actor=row[1], changed_at=row[2])

    def ended_by(self, actor: str, *, within: timedelta) -> frozenset[str]:
        """The experiments whose newest status is an end, set by ``actor`` so short a time ago."""
        rows = self._database.rows(
            """
            SELECT experiment_id FROM experiment_history WHERE status_said GROUP BY experiment_id
            HAVING argMax(status, state_version) IN {ended:Array(String)}
               AND argMax(actor, state_version) = {actor:String}
               AND max(recorded_at) > now64(6) - toIntervalSecond({seconds:UInt32})
            """,
            {
                "ended": sorted(FINISHED_STATUSES),
                "actor": actor,
                "seconds": round(within.total_seconds()),
            },
        )
        return frozenset(experiment_id for (experiment_id,) in rows)

    def planned_at(self, experiment_id: str) -> datetime | None:
        """When the planned number of units that holds now was first written down (UTC)."""
        plans = [(plan.planned_sample_size, at) for plan, at in self._planned(experiment_id)]
        if not plans or plans[-1][0] is None:
            return None
        moment: datetime = next(at for planned, at in plans if planned == plans[-1][0])
        return moment

    def had_arrived(self, experiment_id: str, moment: datetime) -> bool:
        """Whether an event or aggregate of an experiment was stored before ``moment`` (UTC)."""
        row = self._database.row(
            """
            SELECT count() FROM (
                SELECT 1 FROM events WHERE experiment_id = {id:String}
                    AND ingested_at < {moment:DateTime64(6, 'UTC')} LIMIT 1
                UNION ALL
                SELECT 1 FROM aggregates WHERE experiment_id = {id:String}
                    AND ingested_at < {moment:DateTime64(6, 'UTC')} LIMIT 1
            )
            """,
            {"id": experiment_id, "moment": moment},
        )
        return row is not None and row[0] > 0

    def defined_by(self, experiment_id: str) -> str:
        """What wrote the newest definition: load, define, cdc …; '' when there is none."""
        newest = self._history.newest(experiment_id)
        if newest is None or newest.plan_changed:
            return "" if newest is None else newest.source
        row = self._database.row(
            """
            SELECT source FROM experiment_history
            WHERE experiment_id = {id:String} AND plan_changed ORDER BY state_version DESC LIMIT 1
            """,
            {"id": experiment_id},
        )
        return "" if row is None else str(row[0])

    def list(self) -> tuple[ExperimentListing, ...]:
        """Every experiment that is defined or seen in events, by id; reads all events."""
        known = self.known()
        seen = self.seen_among([item.experiment_id for item in known])
        return tuple(replace(item, seen=seen.get(item.experiment_id)) for item in known)

    def known(self) -> tuple[ExperimentListing, ...]:
        """The same without what was seen: of events their experiments' ids alone are read."""
        defined = self.defined()
        return tuple(
            ExperimentListing(
                experiment_id=experiment_id,
                status=_status(defined.get(experiment_id)),
                experiment=defined.get(experiment_id),
                seen=None,
            )
            for experiment_id in sorted(defined.keys() | self._ids_of_events())
        )

    def seen_among(self, experiment_ids: Sequence[str]) -> dict[str, Seen]:
        """What events say about some experiments; those without any are left out."""
        if not experiment_ids:
            return {}
        return self._seen("AND experiment_id IN {ids:Array(String)}", {"ids": list(experiment_ids)})

    def spans(self, experiment_ids: Sequence[str]) -> dict[str, Span]:
        """When the first and the last event of each happened (UTC), where that is known."""
        if not experiment_ids:
            return {}
        rows = self._database.rows(
            "SELECT experiment_id, min(timestamp), max(timestamp) FROM events "
            "WHERE experiment_id IN {ids:Array(String)} GROUP BY experiment_id",
            {"ids": list(experiment_ids)},
        )
        return {name: (known_time(first), known_time(last)) for name, first, last in rows}

    def _ids_of_events(self) -> set[str]:
        rows = self._database.rows(
            "SELECT DISTINCT experiment_id FROM events WHERE experiment_id != ''"
        )
        return {str(experiment_id) for (experiment_id,) in rows}

    def defined(self) -> dict[str, Experiment]:
        """The newest version of every definition, by id; unlike ``list``, reads no events."""
        rows = self._database.rows(
            """
            SELECT experiment_id, argMax((definition, status), state_version)
            FROM experiment_history GROUP BY experiment_id
            """
        )
        return {experiment_id: decoded(*newest) for experiment_id, newest in rows}

    def data_arrived_at(self) -> dict[str, datetime]:
        """When the newest event or aggregate of each experiment was stored (UTC)."""
        rows = self._database.rows(
            """
            SELECT experiment_id, max(arrived_at) FROM (
                SELECT experiment_id, max(toDateTime64(ingested_at, 6, 'UTC')) AS arrived_at
                FROM events WHERE experiment_id != '' GROUP BY experiment_id
                UNION ALL
                SELECT experiment_id, max(ingested_at) AS arrived_at
                FROM aggregates GROUP BY experiment_id
            ) GROUP BY experiment_id
            """
        )
        return dict(rows)

    def seen(self, experiment_id: str) -> Seen | None:
        """What events say about an experiment, or None when there are none."""
        return self._seen("AND experiment_id = {id:String}", {"id": experiment_id}).get(
            experiment_id
        )

    def _planned(self, experiment_id: str) -> tuple[tuple[Experiment, datetime], ...]:
        """Every version as it was planned, and when it was written (UTC)."""
        rows = self._database.rows(
            """
            SELECT definition, recorded_at FROM experiment_history
            WHERE experiment_id = {id:String} AND plan_changed ORDER BY state_version
            """,
            {"id": experiment_id},
        )
        return tuple((decoded(definition), recorded_at) for definition, recorded_at in rows)

    def _seen(self, condition: str, parameters: Mapping[str, Any]) -> dict[str, Seen]:
        # Nothing here changes when an event is there twice, so FINAL is not needed.
        rows = self._database.rows(
            f"""
            SELECT experiment_id, uniqExact(user_id), min(timestamp), max(timestamp),
                   arraySort(groupUniqArrayIf(100)(variant_id, variant_id != '')),
                   arraySort(groupUniqArray(100)(event_type))
            FROM events WHERE experiment_id != '' {condition} GROUP BY experiment_id
            """,
            parameters,
        )
        return {
            row[0]: Seen(
                experiment_id=row[0],
                units=row[1],
                first_event_at=known_time(row[2]),
                last_event_at=known_time(row[3]),
                variants=tuple(row[4]),
                event_types=tuple(row[5]),
            )
            for row in rows
        }

    def _missing(self, experiment_id: str) -> str:
        seen = self.seen(experiment_id)
        if seen is not None:
            return (
                f"experiment {experiment_id!r} is not defined yet, but {seen.units} units were "
                f"seen in variants {', '.join(map(repr, seen.variants)) or 'none'}: "
                "define it with `neonblue define FILE`"
            )
        close = close_names(experiment_id, self.defined())
        hint = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
        return f"there is no experiment {experiment_id!r}: {hint}call list_experiments to see all"


def _status(experiment: Experiment | None) -> ExperimentStatus:
    return "undefined" if experiment is None else experiment.status
