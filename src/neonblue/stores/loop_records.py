"""What the loop keeps: its goals, what it proposed for them, and the steps that it took."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from neonblue.stores.database import Database

StepOutcome = Literal["done", "waiting", "refused", "shadow", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopStep:
    """One thing that the loop did, or was not allowed to; the time is UTC."""

    experiment_id: str
    act: str
    outcome: StepOutcome
    reason: str
    taken_at: datetime


class LoopRecords:
    """Append-only; ``content`` is JSON that the optimization engine writes and reads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save_goal(self, goal_id: str, content: str) -> None:
        """Record a goal, or its newest terms."""
        self._database.insert_rows("loop_goals", ["goal_id", "content"], [[goal_id, content]])

    def goal(self, goal_id: str) -> str | None:
        """The newest content of a goal; None for an unknown one."""
        row = self._database.row(
            "SELECT argMax(content, recorded_at) FROM loop_goals WHERE goal_id = {id:String} "
            "GROUP BY goal_id",
            {"id": goal_id},
        )
        return None if row is None else str(row[0])

    def goals(self) -> tuple[str, ...]:
        """The ids of all goals, in the order in which they came."""
        rows = self._database.rows(
            "SELECT goal_id FROM loop_goals GROUP BY goal_id ORDER BY min(recorded_at), goal_id"
        )
        return tuple(goal_id for (goal_id,) in rows)

    def propose(self, goal_id: str, experiment_id: str, content: str) -> None:
        """Record what is to be tried for a goal; the same proposal again changes nothing."""
        self._database.insert_rows(
            "loop_proposals",
            ["goal_id", "experiment_id", "content"],
            [[goal_id, experiment_id, content]],
            once=f"loop_proposal {goal_id} {experiment_id}",
        )

    def proposals(self, goal_id: str) -> dict[str, str]:
        """Experiment to content, in the order in which they were proposed."""
        rows = self._database.rows(
            "SELECT experiment_id, argMin(content, proposed_at) FROM loop_proposals "
            "WHERE goal_id = {id:String} GROUP BY experiment_id ORDER BY min(proposed_at), "
            "experiment_id",
            {"id": goal_id},
        )
        return dict(rows)

    def add_step(
        self, goal_id: str, experiment_id: str, act: str, outcome: StepOutcome, reason: str
    ) -> None:
        """Append one step."""
        self._database.insert_rows(
            "loop_steps",
            ["goal_id", "experiment_id", "act", "outcome", "reason"],
            [[goal_id, experiment_id, act, outcome, reason]],
        )

    def steps(self, goal_id: str, *, limit: int = 1000) -> tuple[LoopStep, ...]:
        """The newest steps of a goal, oldest first."""
        rows = self._database.rows(
            "SELECT experiment_id, act, outcome, reason, taken_at FROM loop_steps "
            "WHERE goal_id = {id:String} ORDER BY taken_at DESC LIMIT {limit:UInt32}",
            {"id": goal_id, "limit": limit},
            own=("reason",),
        )
        return tuple(
            LoopStep(
                experiment_id=experiment_id,
                act=act,
                outcome=outcome,
                reason=reason,
                taken_at=taken_at,
            )
            for experiment_id, act, outcome, reason, taken_at in reversed(rows)
        )
