"""Whether an experiment's effects may be read, from everything the store knows of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from neonblue.intelligence.copied_units import copied_units
from neonblue.intelligence.evidence import Validity
from neonblue.intelligence.history import plan_changes
from neonblue.intelligence.metric_events import metric_events
from neonblue.intelligence.summaries import Summaries, read_summaries
from neonblue.intelligence.validity import check_validity
from neonblue.intelligence.weight_periods import units_by_period
from neonblue.models import Experiment

if TYPE_CHECKING:
    from neonblue.stores import Store


def validity_of(
    store: Store, experiment: Experiment, summaries: Summaries, *, now: datetime
) -> Validity:
    """All checks as of ``now`` (UTC)."""
    changes = plan_changes(store, experiment)
    found = check_validity(
        experiment,
        summaries,
        now=now,
        plan_changes=changes,
        periods=units_by_period(store, experiment) if changes.moved else (),
        metric_events=metric_events(store, experiment, summaries, now=now),
        loaded=store.experiments.defined_by(experiment.experiment_id) == "load",
    )
    copied = copied_units(store, experiment, summaries)
    return replace(found, checks=(*found.checks, *copied))


def why_withheld(store: Store, experiment: Experiment, *, now: datetime) -> str:
    """Which checks fail, so that nothing may be said of effects; '' when none does."""
    summaries = read_summaries(store, experiment)
    failed = validity_of(store, experiment, summaries, now=now).failed
    if not failed:
        return ""
    checks = "; ".join(f"{check.name}: {check.detail}" for check in failed)
    return f"the experiment is invalid ({checks}): call diagnose_experiment"
