"""How well ideas fit a goal: by what they change, what such changes are for, and what they moved.

The weights, the floor and the chance that an idea serves a goal were fitted on an invented company
with labelled goals (``benchmarks/ideas.py``), with the cosines of MiniLM; goals of another company,
that nothing was fitted on, are what the documentation shows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from neonblue.intelligence.recollection.category_table import BY_NAME
from neonblue.intelligence.recollection.removal import is_removal
from neonblue.intelligence.recommendation.idea import Idea
from neonblue.memory.library import Memory

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]

CHANGE_WEIGHT, AIM_WEIGHT, METRIC_WEIGHT = 0.4, 0.4, 0.2
# Below it nothing is recommended: no goal that nothing serves came as near as this.
LEAST_LIKENESS = 0.27
# Of the likest idea: what fits much less than that is only there to fill the list.
LEAST_OF_BEST = 0.8
# The chance that an idea serves the goal is logistic in its likeness.
INTERCEPT, SLOPE = -7.24, 20.0
# What taking something away is for, whatever it is; its own words speak of the opposite.
REMOVAL_AIMS = (
    "less clutter and fewer distractions",
    "simpler pages",
    "less pressure on visitors",
)
REMOVAL_SHARE = 0.5


def likeness_to(memory: Memory, goal: str, ideas: Sequence[Idea]) -> list[float]:
    """How like a goal each idea is, -1 to 1."""
    if not ideas:
        return []
    asked = memory.vectors([" ".join(goal.split())])[0]
    aims = {idea.kind: _aim(memory, asked, idea.kind) for idea in ideas}
    changes = memory.vectors([idea.about for idea in ideas]) @ asked
    metrics = memory.vectors([_words(idea.metric) or idea.about for idea in ideas]) @ asked
    return [
        _likeness(idea, float(change), aims[idea.kind], float(metric))
        for idea, change, metric in zip(ideas, changes, metrics, strict=True)
    ]


def chance_to_serve(likeness: float) -> float:
    """The probability that an idea of this likeness serves the goal."""
    return 1.0 / (1.0 + math.exp(-(INTERCEPT + SLOPE * likeness)))


def least_likeness(likenesses: Sequence[float]) -> float:
    """What an idea must reach to be recommended among others."""
    return max(LEAST_LIKENESS, LEAST_OF_BEST * max(likenesses, default=0.0))


def _likeness(idea: Idea, change: float, aim: float | None, metric: float) -> float:
    own = REMOVAL_SHARE if is_removal(idea.kind) else 1.0
    return (
        CHANGE_WEIGHT * own * change
        + AIM_WEIGHT * (change if aim is None else aim)
        + METRIC_WEIGHT * own * metric
    )


def _aim(memory: Memory, asked: Vector, kind: str) -> float | None:
    """The nearest of what a kind of change is done for; None for kinds that we do not know."""
    known = BY_NAME.get(kind)
    aims = REMOVAL_AIMS if is_removal(kind) else known.aims if known is not None else ()
    return float((memory.vectors(aims) @ asked).max()) if aims else None


def _words(metric: str) -> str:
    return metric.replace("_", " ").replace("-", " ")
