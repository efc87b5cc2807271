"""What the programme has learnt: how past experiments ended, as evidence for the bar to ship."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from neonblue.intelligence.priors import distinct
from neonblue.stats.programme import EndedTest, Programme, programme_of

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.outcomes import Outcome


def programme(store: Store) -> Programme:
    """The share of winners among all remembered experiments, and the level that follows.

    One test an experiment, copies once; of several treatments the one that did best.
    """
    best: dict[str, EndedTest] = {}
    for outcome in distinct(store.outcomes.past()):
        test = EndedTest(z=_z(outcome))
        known = best.get(outcome.experiment_id)
        if known is None or test.z > known.z:
            best[outcome.experiment_id] = test
    return programme_of([*best.values()])


def _z(outcome: Outcome) -> float:
    """z of the log ratio, the good direction up."""
    sign = 1.0 if outcome.direction == "increase" else -1.0
    return sign * math.log1p(outcome.relative_lift) / outcome.standard_error
