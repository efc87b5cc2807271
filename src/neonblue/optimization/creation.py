"""Drafts: a plan is stored when the checks before a launch have nothing against it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from neonblue.errors import ConflictError
from neonblue.experiments.plans import Proposal, record_plan
from neonblue.intelligence.evidence import Check
from neonblue.models import Experiment
from neonblue.models.plan_rules import check_plan
from neonblue.optimization.launch_checks import launch_checks, refuse_failed

if TYPE_CHECKING:
    from neonblue.stores import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """The draft as it is stored, and what the checks said; ``changed`` is false for a repeat."""

    experiment: Experiment
    state_version: int
    changed: bool
    checks: tuple[Check, ...]


def create(
    store: Store, plan: Experiment, *, actor: str, expected_version: int | None = None
) -> Created:
    """Store a plan as a draft, or as the next version of a draft that has not been started.

    Raises ``InvalidInputError`` when it breaks a rule or a check fails, ``ConflictError`` when an
    experiment of that id has begun; then nothing was stored.
    """
    draft = replace(plan, status="draft")
    check_plan(draft)
    _refuse_begun(store, draft)
    checks = launch_checks(store, draft)
    refuse_failed(draft, checks, "created")
    recorded = record_plan(
        store,
        Proposal(experiment=draft, origin="tool", actor=actor, expected_version=expected_version),
    )
    return Created(
        experiment=recorded.experiment,
        state_version=recorded.state_version,
        changed=recorded.changed,
        checks=checks,
    )


def _refuse_begun(store: Store, draft: Experiment) -> None:
    """A plan is for an id that is free, or a draft; also events may have taken an id."""
    name, current = draft.experiment_id, store.experiments.find(draft.experiment_id)
    if current is not None and current.status != "draft":
        raise ConflictError(
            f"experiment {name!r} exists and is {current.status}: give the new one another "
            "experiment_id"
        )
    if current is None and (seen := store.experiments.seen(name)) is not None:
        raise ConflictError(
            f"{seen.units:,} units were seen in an experiment {name!r} that nobody defined: give "
            "the new one another experiment_id, or define that one with `neonblue define FILE`"
        )
