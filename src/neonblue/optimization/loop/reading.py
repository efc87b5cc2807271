"""Reads the situation of a real experiment: its newest state, and an analysis where it has data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from neonblue.intelligence.analysis import analyze
from neonblue.intelligence.evidence import Analysis, Comparison
from neonblue.optimization.loop.situation import Situation, judged

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.experiment_history import Change

ANALYSED = frozenset({"running", "paused", "rolled_out"})
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """An experiment's situation and the analysis that it comes from, where there is one."""

    situation: Situation
    analysis: Analysis | None = None

    @property
    def figures(self) -> dict[str, Any]:
        """What a person should see before agreeing, and what policies look at."""
        return {} if self.analysis is None else figures_of(self.analysis)


def read(store: Store, experiment_id: str, *, now: datetime, actor: str) -> Reading:
    """The situation at ``now`` (UTC); a running experiment is analysed, which is a recorded look.

    Raises ``NotFoundError`` for an experiment that is not defined.
    """
    change = store.experiment_history.newest(experiment_id)
    experiment = store.experiments.get(experiment_id) if change is None else change.experiment
    version = 0 if change is None else change.state_version
    if experiment.status not in ANALYSED:
        plain = Situation(
            experiment_id=experiment_id, status=experiment.status, state_version=version
        )
        return Reading(situation=_with_roll_out(plain, change, now))
    analysis = analyze(store, experiment_id, now=now, actor=actor)
    found = judged(
        analysis.experiment,
        state_version=version,
        decision=analysis.decision,
        validity=analysis.validity,
        metrics=analysis.metrics,
        units=analysis.look.units,
        planned_units=analysis.look.planned_units,
        days=_days(analysis, now),
    )
    found = replace(found, status=experiment.status)
    return Reading(situation=_with_roll_out(found, change, now), analysis=analysis)


def figures_of(analysis: Analysis) -> dict[str, Any]:
    """The verdict and each deciding interval as JSON.

    ``relative_change`` has the ends of each metric's interval, the harmful one first and negative
    for worse; of several treatments the worst counts.
    """
    changes: dict[str, list[float]] = {}
    for effects in analysis.metrics:
        good = 1.0 if effects.definition.direction == "increase" else -1.0
        for comparison in effects.comparisons:
            ends = _relative_ends(comparison, good)
            if ends is not None:
                known = changes.get(effects.definition.name)
                changes[effects.definition.name] = (
                    [*ends] if known is None else [min(known[0], ends[0]), min(known[1], ends[1])]
                )
    return {
        "verdict": analysis.decision.decision,
        "variant": analysis.decision.variant,
        "units": analysis.look.units,
        "relative_change": changes,
    }


def _relative_ends(comparison: Comparison, good: float) -> tuple[float, float] | None:
    low, high = comparison.relative_ci_lower, comparison.relative_ci_upper
    if low is None or high is None:
        return None
    first, last = sorted((good * low, good * high))
    return first, last


def _days(analysis: Analysis, now: datetime) -> float | None:
    started = analysis.experiment.counted_from or analysis.experiment.started_at
    return None if started is None else max(0.0, (now - started) / DAY)


def _with_roll_out(seen: Situation, change: Change | None, now: datetime) -> Situation:
    if change is None:
        return seen
    experiment = change.experiment
    won = experiment.winner not in ("", experiment.control.variant_id)
    stepped = change.action == "roll_out"
    return replace(
        seen,
        winner=experiment.winner if won else None,
        roll_out_fraction=experiment.roll_out_fraction,
        days_since_step=max(0.0, (now - change.recorded_at) / DAY) if stepped else None,
    )
