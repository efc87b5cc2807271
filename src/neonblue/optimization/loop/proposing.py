"""The next experiment for a goal: an idea that was asked for, or the best that is recommended."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from neonblue.experiments.plans import Proposal, record_plan
from neonblue.intelligence.recommendation.constraints import Constraints
from neonblue.intelligence.recommendation.next_tests import recommend_next
from neonblue.models import Experiment, Variant
from neonblue.optimization.loop.goal import Goal
from neonblue.optimization.loop.rules import BROKEN
from neonblue.optimization.plan_proposal import default_breaker
from neonblue.stats.planning import Baseline, plan_sample
from neonblue.stats.programme import MAXIMUM_RATIO

if TYPE_CHECKING:
    from neonblue.behavior.conversion_events import EventKinds
    from neonblue.memory.library import Memory
    from neonblue.stores import Store
    from neonblue.stores.experiment_history import Change

CONTROL, TREATMENT = "control", "treatment"
CONSIDERED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A change to try: its text, why it may work, and what kind of change it is.

    ``restarts`` is the experiment with the same change whose assignment was broken.
    """

    change: str
    hypothesis: str
    category: str = ""
    reason: str = ""
    restarts: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """An experiment that was stored as a draft, and why this one."""

    experiment: Experiment
    reason: str


def propose(
    store: Store, memory: Callable[[], Memory], kinds: Callable[[], EventKinds], goal: Goal
) -> Proposed | None:
    """Store the next experiment of a goal as a draft; None when there is no idea left.

    The proposal is recorded before the experiment: whoever is cut short in between makes the same
    experiment again.
    """
    import msgspec

    known = store.loop.proposals(goal.goal_id)
    unfinished = [name for name in known if name not in store.experiments.defined()]
    if unfinished:
        chosen = msgspec.json.decode(known[unfinished[0]], type=Chosen)
        return _created(store, goal, unfinished[0], chosen)
    before = {name: msgspec.json.decode(content, type=Chosen) for name, content in known.items()}
    tried = {chosen.change for chosen in before.values()}
    found = _restart(store, goal, before) or _next_idea(store, memory, kinds, goal, tried)
    if found is None:
        return None
    experiment_id = f"{goal.goal_id}_{len(known) + 1}"
    store.loop.propose(goal.goal_id, experiment_id, msgspec.json.encode(asdict(found)).decode())
    kept = store.loop.proposals(goal.goal_id)[experiment_id]
    return _created(store, goal, experiment_id, msgspec.json.decode(kept, type=Chosen))


def _restart(store: Store, goal: Goal, before: Mapping[str, Chosen]) -> Chosen | None:
    """An idea that was never read because its assignment was broken: once more, from new units."""
    if goal.on_broken_assignment != "restart":
        return None
    restarted = {chosen.restarts for chosen in before.values()}
    for name, chosen in before.items():
        if name in restarted or chosen.restarts:
            continue
        history = store.experiment_history.of(name)
        if history[-1].experiment.status == "rolled_back" and any(map(_broken, history)):
            reason = f"{name} anew: its assignment was broken"
            return replace(chosen, reason=reason, restarts=name)
    return None


def _broken(change: Change) -> bool:
    return change.action == "stop" and change.reason.startswith(BROKEN)


def _next_idea(
    store: Store,
    memory: Callable[[], Memory],
    kinds: Callable[[], EventKinds],
    goal: Goal,
    tried: set[str],
) -> Chosen | None:
    for text in goal.ideas:
        if text not in tried:
            return Chosen(change=text, hypothesis=f"If we {text}, {goal.text}", reason="asked for")
    constraints = Constraints(baseline=goal.baseline_mean, mde=goal.mde)
    found = recommend_next(store, memory(), goal.text, constraints, kinds(), limit=CONSIDERED)
    for one in found.ranked:
        change = one.idea.changes[0]
        if change not in tried:
            return Chosen(
                change=change,
                hypothesis=one.idea.hypothesis,
                category=one.idea.category,
                reason="; ".join(item.detail for item in one.idea.evidence) or "recommended",
            )
    return None


def _created(store: Store, goal: Goal, experiment_id: str, chosen: Chosen) -> Proposed:
    experiment = plan_of(goal, experiment_id, chosen)
    recorded = record_plan(
        store,
        Proposal(
            experiment=experiment,
            origin="tool",
            actor=f"loop {goal.goal_id}",
            reason=chosen.reason,
        ),
    )
    return Proposed(
        experiment=recorded.experiment, reason=f"to try: {chosen.change} ({chosen.reason})"
    )


def plan_of(goal: Goal, experiment_id: str, chosen: Chosen) -> Experiment:
    """The plan of one experiment: two variants, the goal's metrics, a size for its baseline, and a
    limit at which it breaks."""
    size, baseline = planned_units(goal), baseline_of(goal)
    return Experiment(
        experiment_id=experiment_id,
        status="draft",
        name=chosen.change,
        hypothesis=chosen.hypothesis,
        experiment_type=chosen.category,
        variants=(
            Variant(variant_id=CONTROL, is_control=True, name="as it is"),
            Variant(variant_id=TREATMENT, name=chosen.change),
        ),
        metrics=goal.metrics,
        planned_sample_size=size,
        maximum_sample_size=None if size is None else math.ceil(size * MAXIMUM_RATIO),
        minimum_duration_days=goal.minimum_duration_days,
        circuit_breakers=(
            *(() if baseline is None else (default_breaker(goal.metrics[0], baseline),)),
            *goal.breakers,
        ),
    )


def baseline_of(goal: Goal) -> Baseline | None:
    """What is known of the primary metric before; None where that is not enough to plan by."""
    primary, mean, sd = goal.metrics[0], goal.baseline_mean, goal.baseline_sd
    if mean is None or primary.kind == "quantile":
        return None
    if sd is None:
        if primary.kind != "proportion" or not 0.0 < mean < 1.0:
            return None
        sd = math.sqrt(mean * (1.0 - mean))
    return Baseline(kind=primary.kind, mean=mean, sd=sd)


def planned_units(goal: Goal) -> int | None:
    """Units over both variants that find the goal's lift with one look; None without a baseline."""
    baseline = baseline_of(goal)
    if baseline is None:
        return None
    lift = goal.mde if goal.metrics[0].direction == "increase" else -goal.mde
    return plan_sample(baseline, mde=lift).total
