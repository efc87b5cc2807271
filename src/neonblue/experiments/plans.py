"""Plans are recorded here, whoever proposes them: checked, and all of it in one step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from neonblue.errors import ConflictError
from neonblue.experiments.versions import refuse_stale
from neonblue.models import Experiment, ExperimentStatus
from neonblue.models.lifecycle import (
    WATCHED_STATUSES,
    Origin,
    frozen_changes,
    refused_changes,
    with_unsaid,
)
from neonblue.models.plan_rules import check_plan
from neonblue.stores.experiment_history import Change, Step, next_version

if TYPE_CHECKING:
    from neonblue.stores import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The experiment afterwards, its state version, and whether anything changed."""

    experiment: Experiment
    state_version: int
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A plan that somebody proposes.

    ``status`` is what the proposer says of it beside the plan; a new experiment has its plan's, and
    with ``begins`` a draft that is proposed as something else becomes that.
    ``new_version`` lets a watched experiment start over: only units first exposed from now on
    count. ``expected_version`` is the state version that the proposer has seen, None for any.
    """

    experiment: Experiment
    origin: Origin
    status: ExperimentStatus | None = None
    reason: str = ""
    actor: str = ""
    begins: bool = False
    new_version: bool = False
    expected_version: int | None = None


def record_plan(store: Store, proposal: Proposal) -> Recorded:
    """Record a plan as the next version, together with the status that is said of it.

    The same plan again changes nothing. Raises ``InvalidInputError`` for a plan that breaks a rule
    and ``ConflictError`` for what its state forbids, or when the state is not the expected one.
    """
    check_plan(proposal.experiment)

    def decide(current: Change | None) -> Step | None:
        refuse_stale(proposal.experiment.experiment_id, current, proposal.expected_version)
        return _step(store, current, proposal)

    newest, changed = store.experiment_history.take(proposal.experiment.experiment_id, decide)
    assert newest is not None  # a plan without a history is recorded
    return Recorded(
        experiment=newest.experiment, state_version=newest.state_version, changed=changed
    )


def check_change(current: Experiment, proposed: Experiment, origin: Origin, *, read: bool) -> None:
    """Raise ``ConflictError`` when the plan changes what its state has frozen."""
    changed = refused_changes(current, proposed, origin, read=read)
    if changed:
        raise ConflictError(_refusal(current, ", ".join(changed), origin))


def was_read(store: Store, current: Experiment, origin: Origin) -> bool:
    """Whether results were read, as far as that matters to who proposes a change."""
    if origin == "cdc":
        return bool(store.looks.state(current.experiment_id, current.version).looks)
    if origin == "load":
        from_file = store.experiments.defined_by(current.experiment_id) == "load"
        return not from_file or bool(store.looks.versions(current.experiment_id, watched=False))
    return True


def _step(store: Store, current: Change | None, proposal: Proposal) -> Step | None:
    proposed, known = proposal.experiment, None if current is None else current.experiment
    if known is not None:
        proposed = with_unsaid(known, proposed, proposal.origin)
    if known is not None and not proposal.new_version:
        read = was_read(store, known, proposal.origin)
        check_change(known, proposed, proposal.origin, read=read)
    if known is not None and _restarts(known, proposed, proposal.origin):
        proposed = replace(proposed, counted_from=datetime.now(UTC))
    stored = next_version(known, proposed)
    status = _said(known, proposal)
    if known is not None and stored.version == known.version and status is None:
        return None
    return Step(
        experiment=stored if status is None else replace(stored, status=status),
        action="define" if known is None or stored.version != known.version else "status",
        status_said=status is not None,
        source=proposal.origin,
        actor=proposal.actor or proposal.origin,
        reason=proposal.reason or ("defined as such" if status is not None else ""),
    )


def _said(known: Experiment | None, proposal: Proposal) -> ExperimentStatus | None:
    """The status that an experiment gets beside its plan; None where it keeps its own."""
    if known is None:
        return None
    begins = proposal.begins and known.status == "draft"
    said = proposal.experiment.status if begins else proposal.status
    return None if said == known.status else said


def _restarts(current: Experiment, proposed: Experiment, origin: Origin) -> bool:
    """Uploaded totals hold no units to leave out: those keep the units they were looked at with.

    What the platform or a file changes of a plan counts the units that are there.
    """
    if origin in ("cdc", "load") or "aggregated" in (current.source, proposed.source):
        return False
    return current.status in WATCHED_STATUSES and bool(frozen_changes(current, proposed))


def _refusal(current: Experiment, changed: str, origin: Origin) -> str:
    name, status = current.experiment_id, current.status
    if origin == "cdc":
        return (
            f"experiment {name!r} was looked at: {changed} may not change any more; start a new "
            "experiment instead"
        )
    if origin == "load":
        return (
            f"experiment {name!r} is {status} and its {changed} may not change: load it as it was "
            "defined; what is new to it needs an experiment of its own, on new units. Nothing was "
            "loaded"
        )
    return (
        f"experiment {name!r} is {status}: its {changed} may not change, or looks at it would "
        "mislead. Stop it, or start a new version with --new-version"
    )
