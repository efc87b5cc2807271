"""One step of the loop for one goal: what is urgent first, then at most one other act.

Nothing is remembered between two calls but what the stores hold, so that a step that was cut short
is taken up by the next call: a proposal is recorded before its experiment, an approval is used up
under the loop's own name, and a move that was made is not made again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from neonblue.errors import ConflictError, InvalidInputError
from neonblue.experiments.moves import MoveRequest
from neonblue.optimization.acts import EASING, Actor
from neonblue.optimization.changing import ChangeOrder, RefusedError, change
from neonblue.optimization.loop.decisions import keep_decision
from neonblue.optimization.loop.goal import Goal
from neonblue.optimization.loop.proposing import propose
from neonblue.optimization.loop.reading import Reading, read
from neonblue.optimization.loop.rules import LoopTerms, NextAct, Wait, next_act
from neonblue.optimization.loop.track_record import programme
from neonblue.optimization.loop.unfinished import settle
from neonblue.stats.programme import Programme

if TYPE_CHECKING:
    from neonblue.behavior.conversion_events import EventKinds
    from neonblue.intelligence.recollection.learning import Learner
    from neonblue.memory.library import Memory
    from neonblue.optimization.authority import Authority
    from neonblue.stores import Store
    from neonblue.stores.loop_records import StepOutcome


CycleStatus = Literal["acted", "waiting", "watching", "idle"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopParts:
    """What a step works with. ``now`` is the clock, UTC; the memory is opened when it is needed."""

    store: Store
    authority: Authority
    memory: Callable[[], Memory]
    learner: Callable[[], Learner]
    kinds: Callable[[], EventKinds]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTaken:
    """What one step came to, for one experiment.

    ``command`` is what a person runs where an approval is waited for.
    """

    experiment_id: str
    act: str
    outcome: StepOutcome
    reason: str
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleReport:
    """What one call did, what waits for a person, and what is watched.

    ``status`` is ``acted``, ``waiting`` (for a person), ``watching`` or ``idle`` (no idea left).
    """

    goal: Goal
    status: CycleStatus
    programme: Programme
    steps: tuple[StepTaken, ...]
    watching: tuple[StepTaken, ...]


def run_step(parts: LoopParts, goal: Goal) -> CycleReport:
    """Take one step for a goal and say what it was."""
    settle(parts.store, parts.authority, _actor(goal))
    known = programme(parts.store)
    terms = LoopTerms(
        level=known.level,
        incubation_days=goal.incubation_days,
        roll_out_steps=goal.roll_out_steps,
        days_a_step=goal.days_a_step,
        on_broken_assignment=goal.on_broken_assignment,
    )
    now = parts.now()
    readings = [
        read(parts.store, experiment_id, now=now, actor=str(_actor(goal)))
        for experiment_id in _created(parts.store, goal)
    ]
    planned = [(reading, next_act(reading.situation, terms)) for reading in readings]
    for reading, found in planned:
        look = None if reading.analysis is None else reading.analysis.look.number
        keep_decision(
            parts.authority.audit, _actor(goal), reading.situation, terms, found, look=look
        )
    steps = _act(parts, goal, planned)
    if not any(step.outcome == "done" for step in steps):
        steps = (*steps, *_propose(parts, goal, planned))
    watching = tuple(
        StepTaken(
            experiment_id=reading.situation.experiment_id,
            act="wait",
            outcome="waiting",
            reason=found.reason,
        )
        for reading, found in planned
        if isinstance(found, Wait) and not found.ended
    )
    return CycleReport(
        goal=goal,
        status=_status(steps, watching),
        programme=known,
        steps=steps,
        watching=watching,
    )


def _created(store: Store, goal: Goal) -> list[str]:
    """The goal's experiments that exist, in the order in which they were proposed."""
    defined = store.experiments.defined()
    return [name for name in store.loop.proposals(goal.goal_id) if name in defined]


def _act(
    parts: LoopParts, goal: Goal, planned: list[tuple[Reading, NextAct | Wait]]
) -> tuple[StepTaken, ...]:
    """Everything that eases, then other acts until one is done."""
    acts = [(reading, found) for reading, found in planned if isinstance(found, NextAct)]
    acts.sort(key=lambda pair: pair[1].kind not in EASING)
    taken: list[StepTaken] = []
    for reading, found in acts:
        if found.kind not in EASING and any(step.outcome == "done" for step in taken):
            break
        taken.append(_perform(parts, goal, reading, found))
    return tuple(taken)


def _perform(parts: LoopParts, goal: Goal, reading: Reading, wanted: NextAct) -> StepTaken:
    seen = reading.situation
    order = ChangeOrder(
        experiment_id=seen.experiment_id,
        request=_request(wanted),
        reason=wanted.reason,
        expected_version=seen.state_version,
        now=parts.now(),
    )
    try:
        found = change(parts.store, parts.authority, order, actor=_actor(goal))
    except RefusedError as error:
        outcome: StepOutcome = "shadow" if error.code == "shadow" else "refused"
        return _taken(parts, goal, seen.experiment_id, wanted, outcome, str(error))
    except (ConflictError, InvalidInputError) as error:
        return _taken(parts, goal, seen.experiment_id, wanted, "failed", str(error))
    if (pending := found.pending) is not None:
        text = f"{wanted.reason}. {pending.text}"
        return _taken(
            parts, goal, seen.experiment_id, wanted, "waiting", text, command=pending.command
        )
    if found.change.experiment.status in ("rolled_out", "rolled_back"):
        parts.learner().catch_up()
    return _taken(parts, goal, seen.experiment_id, wanted, "done", wanted.reason)


def _actor(goal: Goal) -> Actor:
    return Actor(kind="loop", name=goal.goal_id)


def _request(wanted: NextAct) -> MoveRequest:
    arguments: dict[str, Any] = dict(wanted.arguments)
    return MoveRequest(
        action=wanted.kind,
        winner="" if wanted.kind == "conclude" else str(arguments.get("winner", "")),
        roll_out_fraction=arguments.get("fraction"),
    )


def _taken(
    parts: LoopParts,
    goal: Goal,
    experiment_id: str,
    wanted: NextAct,
    outcome: StepOutcome,
    reason: str,
    *,
    command: str = "",
) -> StepTaken:
    last = [
        step for step in parts.store.loop.steps(goal.goal_id) if step.experiment_id == experiment_id
    ]
    again = bool(last) and (last[-1].act, last[-1].outcome) == (wanted.kind, outcome)
    if outcome == "done" or not again:
        parts.store.loop.add_step(goal.goal_id, experiment_id, wanted.kind, outcome, reason)
    return StepTaken(
        experiment_id=experiment_id,
        act=wanted.kind,
        outcome=outcome,
        reason=reason,
        command=command,
    )


def _propose(
    parts: LoopParts, goal: Goal, planned: list[tuple[Reading, NextAct | Wait]]
) -> tuple[StepTaken, ...]:
    """The next experiment, where there is room for one."""
    alive = [found for _, found in planned if not (isinstance(found, Wait) and found.ended)]
    if len(alive) >= goal.at_once:
        return ()
    proposed = propose(parts.store, parts.memory, parts.kinds, goal)
    if proposed is None:
        return ()
    parts.store.loop.add_step(
        goal.goal_id, proposed.experiment.experiment_id, "propose", "done", proposed.reason
    )
    return (
        StepTaken(
            experiment_id=proposed.experiment.experiment_id,
            act="propose",
            outcome="done",
            reason=proposed.reason,
        ),
    )


def _status(steps: tuple[StepTaken, ...], watching: tuple[StepTaken, ...]) -> CycleStatus:
    if any(step.outcome == "done" for step in steps):
        return "acted"
    if any(step.outcome == "waiting" for step in steps):
        return "waiting"
    return "watching" if watching or steps else "idle"
