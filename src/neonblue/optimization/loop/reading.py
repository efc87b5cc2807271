"""Reads the situation of a real experiment: its newest state, and an analysis where it has data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from neonblue.intelligence.analysis import analyze
from neonblue.intelligence.evidence import Analysis
from neonblue.intelligence.summaries import read_summaries
from neonblue.models import Experiment
from neonblue.optimization.loop.rules import STALE
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
    found = replace(
        found,
        status=experiment.status,
        crossed_limits=_crossed(store, analysis.experiment),
        feed_returned=_feed_returned(change, analysis),
    )
    return Reading(situation=_with_roll_out(found, change, now), analysis=analysis)


def _crossed(store: Store, experiment: Experiment) -> tuple[str, ...]:
    """The circuit breakers that a treatment has broken, in words; also of what cannot be read."""
    if not experiment.circuit_breakers:
        return ()
    summaries = read_summaries(store, experiment)
    return tuple(
        f"{breaker.metric} of {variant.variant_id} is {mean:.4g}, {breaker.side} {breaker.limit:g}"
        for breaker in experiment.circuit_breakers
        for variant in experiment.treatments
        for found in (summaries.of(breaker.metric, variant.variant_id),)
        if found.n >= breaker.minimum_units and found.denominator_mean > 0
        for mean in (found.mean / found.denominator_mean,)
        if (mean > breaker.limit if breaker.side == "above" else mean < breaker.limit)
    )


def _feed_returned(change: Change | None, analysis: Analysis) -> bool:
    """Whether events came after the pause that was made for want of them."""
    if change is None or (change.action, change.reason) != ("pause", STALE):
        return False
    return analysis.last_event_at is not None and analysis.last_event_at > change.recorded_at


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
