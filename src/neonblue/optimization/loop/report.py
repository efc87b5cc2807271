"""The report of a goal: the programme's funnel, each experiment, and what was learnt."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neonblue.intelligence.summaries import read_summaries
from neonblue.models import Experiment
from neonblue.optimization.loop.goal import Goal
from neonblue.optimization.loop.track_record import programme
from neonblue.stats.programme import Programme

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.experiment_history import Change
    from neonblue.stores.outcomes import Outcome

DAYS_A_MONTH = 30.0
TWO_SIDED_95 = 1.96


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """What a month with the winner brings, in events or value of the primary metric.

    ``low`` and ``high`` are the ends of the interval that it was concluded with.
    """

    month: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentReport:
    """One experiment of a goal, from its history; lifts are relative fractions."""

    experiment: Experiment
    story: tuple[str, ...]
    won: bool
    relative_lift: float | None
    ci_lower: float | None
    ci_upper: float | None
    impact: Impact | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalReport:
    """``funnel`` counts ideas, those that may start (by the policy or a person), were started, came
    to an end, and have their winner rolled out."""

    goal: Goal
    programme: Programme
    funnel: dict[str, int]
    experiments: tuple[ExperimentReport, ...]


def report(store: Store, goal: Goal, *, granted: Collection[str] = ()) -> GoalReport:
    """What came of a goal so far.

    ``granted`` are experiments that a person has agreed to start, which has not been used yet.
    """
    found = [_one(store, goal, name) for name in store.loop.proposals(goal.goal_id)]
    experiments = [one for one in found if one is not None]
    began = [one for one in experiments if one.experiment.started_at is not None]
    ended = [one for one in began if one.experiment.status not in ("running", "paused")]
    return GoalReport(
        goal=goal,
        programme=programme(store),
        funnel={
            "ideas": len(found),
            "approved": len(
                {one.experiment.experiment_id for one in began}
                | {name for name in granted if name in store.loop.proposals(goal.goal_id)}
            ),
            "launched": len(began),
            "decided": len(ended),
            "shipped": sum(one.won and one.experiment.status == "rolled_out" for one in ended),
        },
        experiments=tuple(experiments),
    )


def markdown(found: GoalReport) -> str:
    """The report for a wiki or a chat."""
    funnel = ", ".join(f"{count} {name}" for name, count in found.funnel.items())
    level = found.programme
    lines = [
        f"# {found.goal.text}",
        "",
        f"{funnel}. {level.winner_share:.0%} of the ideas of this organisation win, learnt from "
        f"{level.learnt_from} experiments; the bar to ship is one-sided {level.level:.4f}.",
        "",
    ]
    for one in found.experiments:
        lines += _section(one)
    return "\n".join(lines)


def _section(one: ExperimentReport) -> Iterator[str]:
    plan = one.experiment
    yield f"## {plan.name or plan.experiment_id}"
    yield ""
    yield f"`{plan.experiment_id}`: {plan.status}" + (", **won**" if one.won else "") + "."
    if one.relative_lift is not None and one.ci_lower is not None and one.ci_upper is not None:
        metric = plan.metrics[0].name
        yield (
            f"{metric} {one.relative_lift:+.1%} ({one.ci_lower:+.1%} to {one.ci_upper:+.1%}, 95 %)."
        )
    if one.impact is not None:
        yield (
            f"A month of this traffic: {one.impact.month:+,.0f} {plan.metrics[0].name} "
            f"({one.impact.low:+,.0f} to {one.impact.high:+,.0f})."
        )
    yield ""
    yield from (f"- {line}" for line in one.story)
    yield ""


def _one(store: Store, goal: Goal, experiment_id: str) -> ExperimentReport | None:
    history = store.experiment_history.of(experiment_id)
    if not history:
        return None
    plan = history[-1].experiment
    won = plan.winner not in ("", plan.control.variant_id)
    outcome = _primary(store.outcomes.of(experiment_id), plan)
    ends = _concluded_ends(history, plan) or (None if outcome is None else _ends(outcome))
    return ExperimentReport(
        experiment=plan,
        story=tuple(map(_line, history)),
        won=won,
        relative_lift=None if outcome is None else outcome.relative_lift,
        ci_lower=None if ends is None else ends[0],
        ci_upper=None if ends is None else ends[1],
        impact=_impact(store, goal, plan, outcome, ends) if won else None,
    )


def _primary(outcomes: Sequence[Outcome], plan: Experiment) -> Outcome | None:
    treatment = plan.winner if plan.winner != plan.control.variant_id else ""
    return next(
        (
            one
            for one in outcomes
            if one.metric == plan.metrics[0].name and treatment in ("", one.variant_id)
        ),
        None,
    )


def _concluded_ends(history: Sequence[Change], plan: Experiment) -> tuple[float, float] | None:
    """The interval that the conclusion rested on: it holds although data decided when to stop."""
    primary = plan.metrics[0]
    for change in reversed(history):
        if change.action != "conclude":
            continue
        found = change.details.get("figures", {}).get("relative_change", {}).get(primary.name)
        if found is None:
            return None
        low, high = found
        return (low, high) if primary.direction == "increase" else (-high, -low)
    return None


def _ends(outcome: Outcome) -> tuple[float, float]:
    """95 % interval of the lift from that of the log ratio."""
    import math

    width = TWO_SIDED_95 * outcome.standard_error
    return (
        (1.0 + outcome.relative_lift) * math.exp(-width) - 1.0,
        (1.0 + outcome.relative_lift) * math.exp(width) - 1.0,
    )


def _impact(
    store: Store,
    goal: Goal,
    plan: Experiment,
    outcome: Outcome | None,
    ends: tuple[float, float] | None,
) -> Impact | None:
    """A month of the observed traffic; without a stated baseline what control had is taken."""
    traffic = store.traffic.observed()
    if outcome is None or ends is None or traffic is None:
        return None
    baseline = goal.baseline_mean
    if baseline is None:
        control = read_summaries(store, plan).of(plan.metrics[0].name, plan.control.variant_id)
        if control.n == 0 or not control.denominator_mean > 0:
            return None
        baseline = control.mean / control.denominator_mean
    month = traffic.units_per_day * DAYS_A_MONTH * baseline
    return Impact(month=month * outcome.relative_lift, low=month * ends[0], high=month * ends[1])


def _line(change: Change) -> str:
    who = f" by {change.actor}" if change.actor else ""
    why = f": {change.reason}" if change.reason else ""
    return f"{change.recorded_at:%Y-%m-%d %H:%M} {change.action}{who}{why}"
