"""The history of experiments: every step appended once, in one order over all experiments.

A step is one row: the plan and the status after it, who made it and why. A row that is there has
happened whole, one that is not has not happened. The row's place in the order is also its
deduplication token, so of two writers who want the same place, also on one server, the engine keeps
one; the other sees that its row is not there, and decides anew upon what is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from neonblue.errors import UnavailableError
from neonblue.models import Experiment
from neonblue.models.lifecycle import STATE_FIELDS
from neonblue.models.outside_text import heard

if TYPE_CHECKING:
    from neonblue.stores.database import Database, Row

COLUMNS = (
    *("experiment_id", "state_version", "sequence", "change_id", "action", "status"),
    *("status_said", "plan_version", "plan_changed", "definition", "source", "actor", "reason"),
    *("details", "recorded_at"),
)
MAX_TRIES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is to happen: the experiment as it will be, and why.

    ``experiment.version`` is one more than before where the plan changes. ``status_said`` is true
    when the step says something of the status, even if it stays the same.
    """

    experiment: Experiment
    action: str
    status_said: bool = False
    source: str = "tool"
    actor: str = ""
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What happened. ``experiment`` is as it was after it, ``state_version`` counts its steps.

    ``sequence`` is the place among the steps of all experiments, without gaps; the time is UTC.
    """

    sequence: int
    state_version: int
    change_id: str
    action: str
    experiment: Experiment
    status_said: bool
    plan_changed: bool
    source: str
    actor: str
    reason: str
    details: Mapping[str, Any]
    recorded_at: datetime


class ExperimentHistory:
    """Steps of experiments, appended and read back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self, experiment_id: str) -> Change | None:
        """The last step of an experiment, or None when there is none."""
        found = self._read(
            "WHERE experiment_id = {id:String} ORDER BY state_version DESC LIMIT 1",
            {"id": experiment_id},
        )
        return found[0] if found else None

    def state_version(self, experiment_id: str) -> int:
        """How many steps an experiment has taken; 0 when there is none."""
        newest = self.newest(experiment_id)
        return 0 if newest is None else newest.state_version

    def of(self, experiment_id: str, *, after: int = 0, limit: int = 10_000) -> tuple[Change, ...]:
        """The steps of one experiment after a state version, oldest first."""
        return self._read(
            "WHERE experiment_id = {id:String} AND state_version > {after:UInt32} "
            "ORDER BY state_version LIMIT {limit:UInt32}",
            {"id": experiment_id, "after": after, "limit": limit},
        )

    def following(self, sequence: int, *, limit: int = 500) -> tuple[Change, ...]:
        """The steps of all experiments after a place in the order, oldest first."""
        return self._read(
            "WHERE sequence > {after:UInt64} ORDER BY sequence LIMIT {limit:UInt32}",
            {"after": sequence, "limit": limit},
        )

    def last_sequence(self, *, action: str = "") -> int:
        """The place of the last step, or of the last with that action; 0 when there is none."""
        row = self._database.row(
            "SELECT max(sequence) FROM experiment_history "
            "WHERE {action:String} = '' OR action = {action:String}",
            {"action": action},
        )
        return 0 if row is None else int(row[0])

    def take(
        self, experiment_id: str, decide: Callable[[Change | None], Step | None]
    ) -> tuple[Change | None, bool]:
        """Take one step, all or nothing; the newest step afterwards, and whether it is this one.

        ``decide`` gets the newest step and says what comes next: None for nothing, or it raises.
        When another process is faster it is asked again.
        """
        with self._database.writing():
            for _ in range(MAX_TRIES):
                # Before the state: a step that comes between the two has this place.
                place = self.last_sequence() + 1
                current = self.newest(experiment_id)
                step = decide(current)
                if step is None:
                    return current, False
                if (taken := self._append(place, current, step)) is not None:
                    return taken, True
        raise UnavailableError(
            f"the history of {experiment_id!r} is written by others all the time: nothing was "
            "changed; try again"
        )

    def _append(self, place: int, current: Change | None, step: Step) -> Change | None:
        """The step as it was written, or None when another row has its place."""
        change_id = uuid4().hex
        version = 1 if current is None else current.state_version + 1
        experiment = step.experiment
        changed = current is None or current.experiment.version != experiment.version
        self._database.insert_rows(
            "experiment_history",
            COLUMNS[:-1],
            [
                [
                    *(experiment.experiment_id, version, place, change_id, step.action),
                    *(experiment.status, step.status_said, experiment.version, changed),
                    _definition(current, experiment),
                    *(step.source, step.actor, step.reason, _json(step.details)),
                ]
            ],
            once=f"experiment_history {place}",
        )
        found = self.newest(experiment.experiment_id)
        if found is not None and found.change_id == change_id:
            return found
        return self._written(change_id, experiment.experiment_id)

    def _written(self, change_id: str, experiment_id: str) -> Change | None:
        found = self._read(
            "WHERE experiment_id = {id:String} AND change_id = {change:String}",
            {"id": experiment_id, "change": change_id},
        )
        return found[0] if found else None

    def _read(self, condition: str, parameters: Mapping[str, Any]) -> tuple[Change, ...]:
        rows = self._database.rows(
            f"SELECT {', '.join(COLUMNS)} FROM experiment_history {condition}", parameters
        )
        return tuple(map(_change, rows))


def decoded(definition: str, status: str = "") -> Experiment:
    """An experiment from its JSON, with the status that a row says."""
    import msgspec

    content = msgspec.json.decode(definition)
    heard(content)
    if status:
        content["status"] = status
    return msgspec.convert(content, Experiment)


def same_plan(one: Experiment, other: Experiment) -> bool:
    """Whether two experiments have the same plan, whatever their status."""
    return _plan(one) == _plan(other)


def next_version(current: Experiment | None, proposed: Experiment) -> Experiment:
    """The proposed plan as the version that follows, in the state that the experiment is in.

    It is the current one where nothing of the plan differs.
    """
    if current is None:
        return replace(proposed, version=1, created_at=datetime.now(UTC))
    if proposed.counted_from is None:
        proposed = replace(proposed, counted_from=current.counted_from)
    if same_plan(current, proposed):
        return current
    return replace(
        proposed,
        version=current.version + 1,
        created_at=current.created_at,
        **{name: getattr(current, name) for name in STATE_FIELDS},
    )


def _plan(experiment: Experiment) -> Experiment:
    return replace(
        experiment,
        version=1,
        status="draft",
        created_at=None,
        current_weights=(),
        winner="",
        roll_out_fraction=0.0,
    )


def _definition(current: Change | None, experiment: Experiment) -> str:
    """The plan; its status is the one that it was planned in, the row's own is the one after."""
    planned = experiment.status if current is None else current.experiment.status
    return _json(replace(experiment, status=planned))


def _json(value: Any) -> str:
    import msgspec

    return msgspec.json.encode(value).decode()


def _change(row: Row) -> Change:
    import msgspec

    named = dict(zip(COLUMNS, row, strict=True))
    details: Mapping[str, Any] = msgspec.json.decode(named["details"]) if named["details"] else {}
    heard(details)
    return Change(
        sequence=int(named["sequence"]),
        state_version=int(named["state_version"]),
        change_id=named["change_id"],
        action=named["action"],
        experiment=decoded(named["definition"], named["status"]),
        status_said=bool(named["status_said"]),
        plan_changed=bool(named["plan_changed"]),
        source=named["source"],
        actor=named["actor"],
        reason=named["reason"],
        details=details,
        recorded_at=named["recorded_at"],
    )
