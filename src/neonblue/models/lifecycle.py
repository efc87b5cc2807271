"""The life of an experiment: its statuses, which moves are allowed, what is frozen when.

    draft → running ⇄ paused → concluded → rolled_out | rolled_back → archived
                  ↘     ↓    ↗                ↘   ↑  (a roll-out can be rolled back)
                    stopped

``stopped`` has ended and nobody has decided yet; ``concluded`` has ended with a decision that is
kept in its history. ``undefined`` is no status of ours: events name an experiment that nobody has
defined. Requests keep to the moves here. What a platform, a definition or a file says of an
experiment has happened already, and is recorded whatever it was before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from neonblue.errors import ConflictError
from neonblue.models.experiment import Experiment, ExperimentStatus

Move = Literal["start", "pause", "resume", "stop", "conclude", "roll_out", "roll_back", "archive"]
Origin = Literal["define", "load", "cdc", "tool"]
Statuses = frozenset[ExperimentStatus]

OPEN_STATUSES: Statuses = frozenset({"undefined", "draft"})
WATCHED_STATUSES: Statuses = frozenset({"running", "paused"})
FINISHED_STATUSES: Statuses = frozenset(
    {"stopped", "concluded", "rolled_out", "rolled_back", "archived"}
)

# Who takes part and what stops a variant: files and the platform's tables do not say it.
ASSIGNMENT_FIELDS = ("hash_version", "targeting", "layer", "holdout_fraction", "circuit_breakers")
# What an analysis rests on: these may not drift under a running experiment.
FROZEN_AT_LAUNCH = (
    "variants",
    "metrics",
    "unit",
    "alpha",
    "power",
    "planned_sample_size",
    "maximum_sample_size",
    "minimum_duration_days",
    "prior_mean",
    "prior_sd",
    "segments",
    "source",
    *ASSIGNMENT_FIELDS,
)
# What moves with the status; no part of the plan.
STATE_FIELDS = ("status", "current_weights", "winner", "roll_out_fraction")


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedMove:
    """From which statuses a move may be made, and where it leads."""

    before: Statuses
    after: ExperimentStatus


MOVES: Mapping[Move, AllowedMove] = {
    "start": AllowedMove(before=frozenset({"draft"}), after="running"),
    "pause": AllowedMove(before=frozenset({"running"}), after="paused"),
    "resume": AllowedMove(before=frozenset({"paused"}), after="running"),
    "stop": AllowedMove(before=WATCHED_STATUSES, after="stopped"),
    "conclude": AllowedMove(before=WATCHED_STATUSES | {"stopped"}, after="concluded"),
    "roll_out": AllowedMove(before=frozenset({"concluded", "rolled_out"}), after="rolled_out"),
    "roll_back": AllowedMove(
        before=frozenset({"stopped", "concluded", "rolled_out"}), after="rolled_back"
    ),
    "archive": AllowedMove(
        before=frozenset({"draft", "stopped", "concluded", "rolled_out", "rolled_back"}),
        after="archived",
    ),
}


def moved(experiment_id: str, status: ExperimentStatus, move: Move) -> ExperimentStatus:
    """The status after a move; ``ConflictError`` says which moves there are from here."""
    allowed = MOVES[move]
    if status in allowed.before:
        return allowed.after
    raise ConflictError(
        f"experiment {experiment_id!r} is {status}, so {move!r} cannot be done: "
        f"{_ways(status)}; call change_experiment with one of them"
    )


def possible_moves(status: ExperimentStatus) -> tuple[Move, ...]:
    """The moves that may be made from a status."""
    return tuple(name for name, move in MOVES.items() if status in move.before)


def frozen_changes(current: Experiment, proposed: Experiment) -> tuple[str, ...]:
    """The fields that decide the analysis and differ: not to be changed after launch."""
    return tuple(
        name for name in FROZEN_AT_LAUNCH if getattr(current, name) != getattr(proposed, name)
    )


def with_unsaid(current: Experiment, proposed: Experiment, origin: Origin) -> Experiment:
    """The proposed plan with what its origin has no words for, as it is now.

    A definition that does not say when the experiment started does not unsay it.
    """
    if origin in ("load", "cdc"):
        return replace(proposed, **{name: getattr(current, name) for name in ASSIGNMENT_FIELDS})
    return replace(proposed, started_at=proposed.started_at or current.started_at)


def refused_changes(
    current: Experiment, proposed: Experiment, origin: Origin, *, read: bool
) -> tuple[str, ...]:
    """The changes of a plan that its state forbids, by who proposes them.

    ``define`` and tools: whatever decides, while it is watched. ``load``: the same, but a plan
    that came from a file is free until somebody has ``read`` its results. ``cdc``: the platform's
    variants and weights are facts about the traffic and always taken; the rest is free until
    somebody has ``read`` results.
    """
    changed = frozen_changes(current, proposed)
    if origin == "cdc":
        free = current.status == "draft" or not read
        return () if free else tuple(name for name in changed if name != "variants")
    if current.status not in WATCHED_STATUSES or (origin == "load" and not read):
        return ()
    return changed


def _ways(status: ExperimentStatus) -> str:
    ways = possible_moves(status)
    return f"from there it can {' or '.join(map(repr, ways))}" if ways else "its history is closed"
