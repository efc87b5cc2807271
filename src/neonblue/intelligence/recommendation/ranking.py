"""The worth of an idea: expected gain times probability, over its cost in traffic."""

from __future__ import annotations

import math
from dataclasses import dataclass

from neonblue.intelligence.forecast.outlook import Outlook, outlook
from neonblue.intelligence.forecast.past import Past, read_past
from neonblue.intelligence.forecast.plan import ForecastPlan, described_experiment
from neonblue.intelligence.forecast.sizing import Sizing, relative_standard_error, size
from neonblue.intelligence.recollection.category import effort_of
from neonblue.intelligence.recommendation.constraints import Constraints
from neonblue.intelligence.recommendation.goal import chance_to_serve
from neonblue.intelligence.recommendation.idea import Idea
from neonblue.memory.library import Memory
from neonblue.models.written_text import shown_name

# Without a size, ideas still have to be compared: all cost the same.
UNKNOWN_COST = 100_000
BASIS_SHOWN = 3
LEAST_RESEMBLANCE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedIdea:
    """``worth`` has no unit: expected gain of a winner, times its odds, per 100,000 units.

    ``likeness`` is the idea's to the goal, and ``rank`` the worth times the chance that the idea
    serves the goal. ``basis`` says what the odds rest on.
    """

    idea: Idea
    likeness: float
    worth: float
    rank: float
    basis: str
    outlook: Outlook
    sizing: Sizing
    effort: str


def judge(
    memory: Memory,
    idea: Idea,
    likeness: float,
    constraints: Constraints,
    units_per_day: float | None,
) -> RankedIdea | None:
    """The idea with its odds, size and worth; None when it takes more than the constraints give."""
    plan = _plan(idea, constraints)
    past = read_past(memory, plan)
    if past is None:
        return None
    sizing = size(plan, units_per_day)
    if _too_large(sizing, constraints):
        return None
    expected = outlook(
        past,
        standard_error=relative_standard_error(plan, sizing.units_one_look),
        alpha=plan.experiment.alpha,
    )
    worth = _worth(past, expected, sizing)
    return RankedIdea(
        idea=idea,
        likeness=likeness,
        worth=worth,
        rank=worth * chance_to_serve(likeness),
        basis=_basis(past),
        outlook=expected,
        sizing=sizing,
        effort=effort_of(idea.kind),
    )


def _plan(idea: Idea, constraints: Constraints) -> ForecastPlan:
    return ForecastPlan(
        experiment=described_experiment(
            "recommended",
            name=idea.core,
            hypothesis=idea.hypothesis,
            experiment_type=idea.kind,
            industry=idea.industry,
        ),
        baseline=constraints.baseline,
        mde=constraints.mde,
        units_per_day=constraints.units_per_day,
    )


def _basis(past: Past) -> str:
    """Which experiments the odds rest on: those whose effects are expected to be alike."""
    near = [one for one in past.similar if one.resemblance >= LEAST_RESEMBLANCE][:BASIS_SHOWN]
    if not near:
        return f"the record of all {past.experiments} finished experiments; none is alike"
    named = ", ".join(
        f"{shown_name(one.past.experiment_id)} ({one.resemblance:.2f})" for one in near
    )
    return f"{past.experiments} finished experiments, most by those alike: {named}"


def _too_large(sizing: Sizing, constraints: Constraints) -> bool:
    days, units = sizing.days_watched, sizing.units_watched
    if constraints.max_days is not None and days is not None and days > constraints.max_days:
        return True
    return constraints.max_units is not None and units is not None and units > constraints.max_units


def _worth(past: Past, expected: Outlook, sizing: Sizing) -> float:
    """E[max(improvement, 0)] times P(success) per 100,000 units of the sequential design."""
    from scipy.special import ndtr

    z = past.mean / past.sd
    density = math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    gain = past.mean * float(ndtr(z)) + past.sd * density
    cost = sizing.units_watched or UNKNOWN_COST
    return gain * expected.probabilities["success"] / (cost / 100_000)
