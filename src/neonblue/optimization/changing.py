"""A change of an experiment that somebody asks for: decided, allowed, carried out, recorded.

First it is looked at whether it can be done at all, so that no person is asked in vain; then the
authority says whether it may be; then it is one step of the history. Nothing here decides on
results but ``conclusion``, which takes the verdict that holds at every look.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from neonblue.errors import ConflictError, NeonBlueError
from neonblue.experiments.moves import MoveRequest, after, done_already, move
from neonblue.experiments.versions import refuse_stale
from neonblue.models import Experiment
from neonblue.models.lifecycle import MOVES
from neonblue.optimization.acts import Act, Actor
from neonblue.optimization.conclusion import Conclusion, conclude, last_figures
from neonblue.optimization.launch_checks import launch_checks, reach, refuse_failed
from neonblue.optimization.permission import Allowed, PendingApproval, Refused

if TYPE_CHECKING:
    from neonblue.optimization.authority import Authority
    from neonblue.stores import Store
    from neonblue.stores.experiment_history import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOrder:
    """What is asked of one experiment, why, upon which state it was decided, and when (UTC)."""

    experiment_id: str
    request: MoveRequest
    reason: str = ""
    expected_version: int | None = None
    now: datetime | None = None


class RefusedError(ConflictError):
    """The policy or the kill switch says no; ``code`` names the rule."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.text)
        self.code = refused.code


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOutcome:
    """The newest step; ``pending`` when a person has to agree first, and nothing was done."""

    change: Change
    changed: bool
    pending: PendingApproval | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An order that could be carried out in the state that the experiment is in."""

    order: ChangeOrder
    current: Change
    request: MoveRequest
    wanted: Experiment
    figures: Mapping[str, Any]
    conclusion: Conclusion | None
    notes: tuple[str, ...]


def change(
    store: Store, authority: Authority, order: ChangeOrder, *, actor: Actor
) -> ChangeOutcome:
    """Carry out one order, or store the request for a person's approval and return at once.

    Raises ``NotFoundError``; ``ConflictError`` for what the state, the verdict or the policy
    forbids; ``InvalidInputError`` for values that cannot be. Then nothing was changed.
    """
    store.experiments.get(order.experiment_id)
    current = store.experiment_history.newest(order.experiment_id)
    assert current is not None
    if _repeated(current, order):
        return ChangeOutcome(change=current, changed=False)
    prepared = _prepared(store, current, order)
    permission = authority.decide(
        _act(authority, prepared), actor, figures=prepared.figures, claimant=str(actor)
    )
    if isinstance(permission, Refused):
        raise RefusedError(permission)
    if isinstance(permission, PendingApproval):
        return ChangeOutcome(
            change=current, changed=False, pending=permission, notes=prepared.notes
        )
    return _carried_out(store, authority, permission, prepared)


def _repeated(current: Change, order: ChangeOrder) -> bool:
    """Whether the newest step is what is asked; a conclusion is known by its name alone."""
    request = order.request
    if request.action == "conclude" and current.action == "conclude":
        request = MoveRequest(action="conclude", winner=current.experiment.winner)
    return done_already(current, request, order.expected_version)


def _prepared(store: Store, current: Change, order: ChangeOrder) -> Prepared:
    refuse_stale(order.experiment_id, current, order.expected_version)
    conclusion = _conclusion(store, current, order)
    request = order.request if conclusion is None else conclusion.request
    figures: Mapping[str, Any] = {} if conclusion is None else conclusion.figures
    if request.action == "roll_out":
        figures = last_figures(store, order.experiment_id)
    return Prepared(
        order=order,
        current=current,
        request=request,
        wanted=after(current.experiment, request),
        figures=figures,
        conclusion=conclusion,
        notes=_notes(store, current, request),
    )


def _carried_out(
    store: Store, authority: Authority, allowed: Allowed, prepared: Prepared
) -> ChangeOutcome:
    authority.confirm(allowed)
    order, conclusion = prepared.order, prepared.conclusion
    try:
        done = move(
            store,
            order.experiment_id,
            prepared.request,
            actor=str(allowed.actor),
            reason=order.reason,
            expected_version=prepared.current.state_version,
            details=_details(allowed, conclusion),
        )
    except NeonBlueError as error:
        authority.record(allowed, "failed", {"reason": str(error)})
        raise
    if done.changed:
        done_as = {"state_version": done.change.state_version, "reason": order.reason}
        authority.record(allowed, "done", done_as)
    else:
        authority.record(allowed, "failed", {"reason": "somebody did it at the same moment"})
    said = () if conclusion is None else (conclusion.sentence,)
    return ChangeOutcome(change=done.change, changed=done.changed, notes=(*said, *prepared.notes))


def _conclusion(store: Store, current: Change, order: ChangeOrder) -> Conclusion | None:
    concludes = order.request.action == "conclude"
    if not concludes or current.experiment.status not in MOVES["conclude"].before:
        return None  # from elsewhere ``after`` says why not
    return conclude(store, current.experiment.experiment_id, now=order.now or datetime.now(UTC))


def _notes(store: Store, current: Change, request: MoveRequest) -> tuple[str, ...]:
    """Warnings of what is to be done; raises where a check before a start fails."""
    if request.action == "set_weights" and current.experiment.status != "draft":
        return (
            "units that come from now on are assigned by these weights, units that were exposed "
            "stay; from now on effects are read by the chances of each batch (AIPW), and segments, "
            "ratios and quantiles are withheld",
        )
    if request.action != "start":
        return ()
    checks = launch_checks(store, current.experiment)
    refuse_failed(current.experiment, checks, "started")
    return tuple(check.detail for check in checks if check.status == "warn")


def _act(authority: Authority, prepared: Prepared) -> Act:
    return authority.act(
        prepared.request.action,
        prepared.order.experiment_id,
        _arguments(prepared),
        prepared.current.state_version,
    )


def _arguments(prepared: Prepared) -> Mapping[str, Any]:
    """What the act does, for a policy and for the person who approves it: plain JSON."""
    wanted, action = prepared.wanted, prepared.request.action
    if action in ("start", "resume", "set_weights"):
        return {
            "weights": _shares(wanted),
            "traffic_fraction": reach(wanted),
            "holdout_fraction": wanted.holdout_fraction,
            "plan_version": wanted.version,
        }
    if action == "roll_out":
        return {"winner": wanted.winner, "fraction": wanted.roll_out_fraction}
    if prepared.conclusion is not None:
        return {"winner": wanted.winner, "decision": prepared.conclusion.decision}
    return {}


def _details(allowed: Allowed, conclusion: Conclusion | None) -> Mapping[str, Any]:
    """What the history keeps beside the step: which permission it had, and what it rested on."""
    details: dict[str, Any] = {"act": allowed.act.digest(), "allowed": allowed.entry_id}
    if allowed.approval_id is not None:
        details |= {"approval_id": allowed.approval_id, "approved_by": allowed.approved_by}
    if conclusion is not None:
        details |= {"decision": conclusion.decision, "figures": conclusion.figures}
    return details


def _shares(experiment: Experiment) -> dict[str, float]:
    weights = experiment.current_weights or tuple(v.weight for v in experiment.variants)
    total = sum(weights)
    pairs = zip(experiment.variants, weights, strict=True)
    return {variant.variant_id: weight / total for variant, weight in pairs}
