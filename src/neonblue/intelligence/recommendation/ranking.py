"""The worth of an idea: expected gain times probability, over its cost in traffic."""

from __future__ import annotations

import math
from dataclasses import dataclass

from neonblue.intelligence.forecast.outlook import Outlook, outlook
from neonblue.intelligence.forecast.past import Past, read_past
from neonblue.intelligence.forecast.plan import ForecastPlan, described_experiment
from neonblue.intelligence.forecast.sizing import Sizing, relative_standard_error, size
from neonblue.intelligence.recollection.category import effort_of
from neonblue.intelligence.recollection.insights import PastExperiment, similar_to_text
from neonblue.intelligence.recommendation.idea import Constraints, Idea
from neonblue.memory.library import Memory

EFFORTS = ("low", "medium", "high")
# Without a size, ideas still have to be compared: all cost the same.
UNKNOWN_COST = 100_000
SAME_CHANGE = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedIdea:
    """``worth`` has no unit: expected gain of a winner, times its odds, per 100,000 units."""

    idea: Idea
    worth: float
    outlook: Outlook
    sizing: Sizing
    effort: str
    nearest: PastExperiment | None


def rank(
    memory: Memory, idea: Idea, constraints: Constraints, units_a_day: float | None
) -> RankedIdea | None:
    """The idea with its odds, size and worth; None when it breaks a constraint or was tried."""
    effort = effort_of(idea.category)
    if idea.category in constraints.exclude_types:
        return None
    if EFFORTS.index(effort) > EFFORTS.index(constraints.max_effort):
        return None
    nearest = next(iter(similar_to_text(memory, _words(idea), limit=1)), None)
    if _already_tried(idea, nearest):
        return None
    plan = _plan(idea, constraints)
    past = read_past(memory, plan)
    if past is None:
        return None
    sizing = size(plan, units_a_day)
    if _too_large(sizing, constraints):
        return None
    expected = outlook(
        past,
        standard_error=relative_standard_error(plan, sizing.fixed_total),
        alpha=plan.experiment.alpha,
    )
    return RankedIdea(
        idea=idea,
        worth=_worth(past, expected, sizing),
        outlook=expected,
        sizing=sizing,
        effort=effort,
        nearest=nearest,
    )


def _words(idea: Idea) -> str:
    return f"{idea.category.replace('_', ' ')} {' '.join(idea.changes)}"


def _plan(idea: Idea, constraints: Constraints) -> ForecastPlan:
    return ForecastPlan(
        experiment=described_experiment(
            "recommended",
            name=idea.changes[0],
            hypothesis=idea.hypothesis,
            experiment_type=idea.category,
            industry=idea.industry,
        ),
        baseline=constraints.baseline,
        mde=constraints.mde,
        units_a_day=constraints.units_a_day,
    )


def _already_tried(idea: Idea, nearest: PastExperiment | None) -> bool:
    """The same change of the same kind was tried and is not what the idea builds on."""
    if nearest is None or nearest.similarity < SAME_CHANGE or nearest.category != idea.category:
        return False
    return nearest.experiment_id not in {link.reference for link in idea.evidence}


def _too_large(sizing: Sizing, constraints: Constraints) -> bool:
    days, units = sizing.sequential_days, sizing.sequential_total
    if constraints.max_days is not None and days is not None and days > constraints.max_days:
        return True
    return constraints.max_units is not None and units is not None and units > constraints.max_units


def _worth(past: Past, expected: Outlook, sizing: Sizing) -> float:
    """E[max(improvement, 0)] times P(success) per 100,000 units of the sequential design."""
    from scipy.special import ndtr

    z = past.mean / past.sd
    density = math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    gain = past.mean * float(ndtr(z)) + past.sd * density
    cost = sizing.sequential_total or UNKNOWN_COST
    return gain * expected.probabilities["success"] / (cost / 100_000)
