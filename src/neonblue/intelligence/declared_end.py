"""Whether the end of an experiment was declared, and whether anything came after it.

The textbook test holds for one look at a moment that the results did not choose. That moment is
an end that somebody declared (``load --finished``, a definition, the platform) and after which
nothing came; what comes later makes it a watched experiment from then on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from neonblue.models import Experiment
from neonblue.models.lifecycle import FINISHED_STATUSES

if TYPE_CHECKING:
    from neonblue.stores import Store

UNDECLARED = (
    "its end was not declared: load it with --finished if no more data come, before anybody reads "
    "results"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredEnd:
    """``at`` is the end (UTC), None while it runs or nobody declared one. ``came_after`` says what
    came later, '' when nothing did; ``plan`` whether its size had been planned before."""

    at: datetime | None = None
    came_after: str = ""
    plan: str = ""

    @property
    def stands(self) -> bool:
        """Whether it ended, by declaration, and nothing came after."""
        return self.at is not None and not self.came_after


def declared_end(
    store: Store, experiment: Experiment, last_event_at: datetime | None
) -> DeclaredEnd:
    """The end as it was declared; ``last_event_at`` is the newest event that is counted (UTC)."""
    if experiment.status not in FINISHED_STATUSES:
        return DeclaredEnd()
    declared = store.experiments.declared_end(experiment.experiment_id)
    if declared is None:
        return DeclaredEnd(came_after=UNDECLARED)
    at = declared.changed_at
    if experiment.ended_at is not None:
        at = min(at, experiment.ended_at)
    later = last_event_at is not None and last_event_at > at
    return DeclaredEnd(
        at=at,
        came_after=f"units or conversions came after its end at {at:%Y-%m-%d %H:%M} UTC"
        if later
        else "",
        plan=_plan(store, experiment),
    )


def _plan(store: Store, experiment: Experiment) -> str:
    """Whether the number of units had been set before the data came, in words."""
    planned_at = store.experiments.planned_at(experiment.experiment_id)
    if planned_at is None or experiment.planned_sample_size is None:
        return "no number of units had been planned"
    planned = f"{experiment.planned_sample_size:,} units"
    if store.experiments.had_arrived(experiment.experiment_id, planned_at):
        return f"{planned} were planned only when data had come"
    return f"{planned} had been planned before any data came"
