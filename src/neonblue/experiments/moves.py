"""What is asked of an experiment: moves along its life, roll-out steps, weights. One step each.

A request that was just carried out, asked again, changes nothing and says so: after a crash or a
lost answer it can be repeated.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from neonblue.errors import ConflictError, InvalidInputError
from neonblue.experiments.versions import refuse_stale
from neonblue.models import Experiment
from neonblue.models.lifecycle import (
    MOVES,
    OPEN_STATUSES,
    WATCHED_STATUSES,
    Move,
    Origin,
    moved,
)
from neonblue.stores.experiment_history import Change, Step, next_version

if TYPE_CHECKING:
    from neonblue.stores import Store

Action = Move | Literal["set_weights"]
ACTIONS: tuple[Action, ...] = (*MOVES, "set_weights")


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveRequest:
    """What is asked. ``weights`` are by variant, on any scale, for ``set_weights``.

    ``roll_out_fraction`` is the share of all units on the ``winner`` after a roll-out's step;
    the winner is said when concluding (the control where nothing won) or at the first step.
    """

    action: Action
    weights: Mapping[str, float] | None = None
    winner: str = ""
    roll_out_fraction: float | None = None

    @property
    def digest(self) -> str:
        """The same for the same request, whoever asks."""
        import msgspec

        return hashlib.sha256(msgspec.json.encode(asdict(self), order="sorted")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The step that carried a request out, and whether it was taken just now."""

    change: Change
    changed: bool


def move(
    store: Store,
    experiment_id: str,
    request: MoveRequest,
    *,
    actor: str,
    reason: str = "",
    expected_version: int | None = None,
    details: Mapping[str, Any] | None = None,
    origin: Origin = "tool",
) -> Moved:
    """Carry out one request, whole or not at all.

    Raises ``NotFoundError``, ``ConflictError`` for a move that the status does not allow or when
    the state is not the expected one, ``InvalidInputError`` for values that cannot be.
    """
    store.experiments.get(experiment_id)

    def decide(current: Change | None) -> Step | None:
        assert current is not None  # histories are never removed
        if done_already(current, request, expected_version):
            return None
        refuse_stale(experiment_id, current, expected_version)
        return Step(
            experiment=after(current.experiment, request),
            action=request.action,
            status_said=request.action != "set_weights",
            source=origin,
            actor=actor,
            reason=reason,
            details={**(details or {}), "request": request.digest},
        )

    change, changed = store.experiment_history.take(experiment_id, decide)
    assert change is not None
    return Moved(change=change, changed=changed)


def after(experiment: Experiment, request: MoveRequest) -> Experiment:
    """The experiment as it is when the request has been carried out; raises what ``move`` does."""
    special: Mapping[Action, Callable[[Experiment, MoveRequest], Experiment]] = {
        "set_weights": _with_weights,
        "conclude": _concluded,
        "roll_out": _rolled_out,
        "roll_back": _rolled_back,
        "archive": _archived,
    }
    if request.action in special:
        return special[request.action](experiment, request)
    return _ended_or_begun(_moved(experiment, request))


def done_already(current: Change, request: MoveRequest, expected: int | None) -> bool:
    """Whether the newest step is this request, asked upon the state before it, or upon none."""
    seen = expected in (None, current.state_version, current.state_version - 1)
    return seen and current.details.get("request") == request.digest


def _moved(experiment: Experiment, request: MoveRequest) -> Experiment:
    assert request.action != "set_weights"
    status = moved(experiment.experiment_id, experiment.status, request.action)
    return replace(experiment, status=status)


def _ended_or_begun(experiment: Experiment) -> Experiment:
    """The first start is its start, and the first end after it its end."""
    now = datetime.now(UTC)
    if experiment.status in WATCHED_STATUSES:
        return replace(experiment, started_at=experiment.started_at or now, ended_at=None)
    return replace(experiment, ended_at=experiment.ended_at or now)


def _concluded(experiment: Experiment, request: MoveRequest) -> Experiment:
    winner = request.winner or experiment.control.variant_id
    concluded = replace(_moved(experiment, request), winner=_known(experiment, winner))
    return _ended_or_begun(concluded)


def _rolled_out(experiment: Experiment, request: MoveRequest) -> Experiment:
    rolled_out = _moved(experiment, request)
    winner = _known(experiment, request.winner or experiment.winner)
    if experiment.winner and winner != experiment.winner:
        raise ConflictError(
            f"experiment {experiment.experiment_id!r} was concluded with the winner "
            f"{experiment.winner!r}, not {winner!r}: roll that one out, or roll back"
        )
    fraction = 1.0 if request.roll_out_fraction is None else request.roll_out_fraction
    if not 0 < fraction <= 1:
        raise InvalidInputError(
            f"roll_out_fraction {fraction!r} is no share of units: give above 0 up to 1, like 0.1"
        )
    if fraction < experiment.roll_out_fraction:
        raise ConflictError(
            f"{experiment.roll_out_fraction:.0%} of the units have {winner!r} already, and a "
            f"roll-out only grows: give more than {experiment.roll_out_fraction:g}, or roll back"
        )
    return replace(rolled_out, winner=winner, roll_out_fraction=fraction)


def _rolled_back(experiment: Experiment, request: MoveRequest) -> Experiment:
    control = experiment.control.variant_id
    return replace(_moved(experiment, request), winner=control, roll_out_fraction=1.0)


def _archived(experiment: Experiment, request: MoveRequest) -> Experiment:
    if experiment.status == "rolled_out" and experiment.roll_out_fraction < 1:
        raise ConflictError(
            f"{experiment.winner!r} is rolled out to {experiment.roll_out_fraction:.0%} of the "
            "units: finish it with roll_out, or roll_back, before it is archived"
        )
    return _moved(experiment, request)


def _with_weights(experiment: Experiment, request: MoveRequest) -> Experiment:
    name = experiment.experiment_id
    if experiment.status not in WATCHED_STATUSES | OPEN_STATUSES:
        raise ConflictError(
            f"experiment {name!r} is {experiment.status} and assigns no units: weights change "
            "before its end; call change_experiment with 'roll_out' afterwards"
        )
    weights = dict(request.weights or {})
    variants = [variant.variant_id for variant in experiment.variants]
    if sorted(weights) != sorted(variants):
        raise InvalidInputError(
            f"weights are for {', '.join(map(repr, sorted(weights))) or 'no variant'}: give one "
            f"for each of {', '.join(map(repr, variants))}"
        )
    shares = tuple(float(weights[variant]) for variant in variants)
    if not all(0 <= share < math.inf for share in shares) or not sum(shares) > 0:
        raise InvalidInputError(
            f"weights {dict(weights)!r} cannot be used: give 0 or more, at least one above 0"
        )
    if experiment.status == "draft":
        return _replanned(experiment, shares)
    return replace(experiment, current_weights=shares)


def _replanned(draft: Experiment, shares: tuple[float, ...]) -> Experiment:
    """A draft has no units yet: its planned weights become others, in its next version."""
    pairs = zip(draft.variants, shares, strict=True)
    variants = tuple(replace(variant, weight=share) for variant, share in pairs)
    return next_version(draft, replace(draft, variants=variants))


def _known(experiment: Experiment, variant_id: str) -> str:
    known = [variant.variant_id for variant in experiment.variants]
    if variant_id not in known:
        raise InvalidInputError(
            f"winner {variant_id!r} is no variant of {experiment.experiment_id!r}: name one of "
            f"{', '.join(map(repr, known))}"
        )
    return variant_id
