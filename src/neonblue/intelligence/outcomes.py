"""Remembers how finished experiments came out, for the priors of later ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from neonblue.intelligence.evidence import Analysis
from neonblue.models.lifecycle import FINISHED_STATUSES
from neonblue.models.reader import current_reader

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.outcomes import Outcome


def remember(store: Store, analysis: Analysis) -> None:
    """Record a finished, trusted experiment's lifts, once; again only when they differ."""
    if analysis.experiment.status not in FINISHED_STATUSES or analysis.validity.failed:
        return
    if not current_reader().records:
        return
    found = outcomes_of(analysis)
    if found and set(found) != set(store.outcomes.of(analysis.experiment.experiment_id)):
        store.outcomes.record(found)


def outcomes_of(analysis: Analysis) -> list[Outcome]:
    """One a comparison that has a lift with a finite standard error."""
    from neonblue.stores.outcomes import Outcome

    return [
        Outcome(
            experiment_id=analysis.experiment.experiment_id,
            version=analysis.experiment.version,
            metric=comparison.metric,
            variant_id=comparison.variant,
            role=effects.definition.role,
            kind=effects.definition.kind,
            direction=effects.definition.direction,
            event_type=effects.definition.event_type,
            units=comparison.n_control + comparison.n_treatment,
            relative_lift=comparison.relative_lift,
            standard_error=comparison.relative_standard_error,
            decision=analysis.decision.decision,
        )
        for effects in analysis.metrics
        for comparison in effects.comparisons
        if comparison.relative_lift is not None
        and comparison.relative_standard_error is not None
        and math.isfinite(comparison.relative_standard_error)
        and comparison.relative_standard_error > 0
    ]
