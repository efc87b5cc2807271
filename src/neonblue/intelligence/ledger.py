"""Where an analysis stands in the ledger of looks, and what it may therefore show.

Fixed-horizon figures are right once. They are shown when the planned number of units has been
reached, or when an experiment without a planned number ended and nobody had looked before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from neonblue.errors import ConflictError
from neonblue.intelligence.deciding import deciding
from neonblue.intelligence.evidence import Analysis, MetricEffects, RecordedLook
from neonblue.models import Experiment

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.looks import LedgerState, Look

WATCHED = frozenset({"running", "paused"})
FINISHED = frozenset({"stopped", "rolled_out", "archived"})
GROWTH_WITHOUT_PLAN = 4
LEAST_PLANNED_UNITS = 10_000
MOST_LOOKS = 50


def stand(
    experiment: Experiment, units: int, state: LedgerState, *, resumed: bool = False
) -> RecordedLook:
    """The look that this analysis is; ``resumed`` when it had ended before and was taken up again.

    Looks at an ended experiment are not recorded, so one that went on after its end counts as
    watched: else stopping, reading and resuming would be peeking at the textbook p.
    """
    watched = experiment.status in WATCHED
    unseen = state.looks == 0 and not resumed
    shown = _may_show(experiment, units, unseen=unseen)
    return RecordedLook(
        recorded=watched and units > 0,
        number=state.looks + (1 if watched and units > 0 else 0),
        units=units,
        planned_units=experiment.planned_sample_size,
        fixed_horizon_shown=shown,
        fixed_horizon_decides=shown and not watched and unseen,
        detail=_detail(experiment, units, shown),
    )


def horizon_units(experiment: Experiment, units: int, state: LedgerState) -> int:
    """N*, the total at which the sequence is tightest; the same at every look.

    Without a planned number a running experiment gets four times what the first look saw, which
    depends on counts alone and stays as it was; a finished one its own number of units.
    """
    planned = experiment.planned_sample_size or experiment.maximum_sample_size
    if planned is not None:
        return planned
    if state.first_units is not None:
        return max(LEAST_PLANNED_UNITS, GROWTH_WITHOUT_PLAN * state.first_units)
    if experiment.status in WATCHED:
        return max(LEAST_PLANNED_UNITS, GROWTH_WITHOUT_PLAN * units)
    return max(1, units)


def ledger_rows(
    experiment: Experiment,
    metrics: Sequence[MetricEffects],
    look: RecordedLook,
    now: datetime,
    actor: str,
) -> list[Look]:
    """The look itself, then one row a metric and variant."""
    from neonblue.stores.looks import Look

    itself = Look(
        experiment_id=experiment.experiment_id,
        version=experiment.version,
        metric="",
        variant_id="",
        looked_at=now,
        actor=actor,
        units=look.units,
        estimate=math.nan,
        ci_lower=-math.inf,
        ci_upper=math.inf,
        p_value=1.0,
        running_p_value=1.0,
    )
    return [itself] + [
        Look(
            experiment_id=experiment.experiment_id,
            version=experiment.version,
            metric=effects.definition.name,
            variant_id=comparison.variant,
            looked_at=now,
            actor=actor,
            units=look.units,
            estimate=comparison.absolute_difference,
            ci_lower=comparison.ci_lower,
            ci_upper=comparison.ci_upper,
            p_value=comparison.p_value,
            running_p_value=comparison.least_p_value,
        )
        for effects in metrics
        for comparison in effects.comparisons
    ]


def past_looks(store: Store, analysis: Analysis) -> tuple[Look, ...]:
    """The newest looks at the metric that decides, oldest first."""
    found = deciding(analysis)
    primary = (m.name for m in analysis.experiment.metrics if m.role == "primary")
    metric = next(primary, None) if found is None else found.metric.name
    if metric is None:
        return ()
    return store.looks.history(analysis.experiment.experiment_id, metric=metric, limit=MOST_LOOKS)


def waits_for_the_plan(store: Store, experiment: Experiment) -> bool:
    """Whether it runs, and one-look figures may not be shown yet."""
    if experiment.status not in WATCHED:
        return False
    planned = experiment.planned_sample_size
    return planned is None or _units_so_far(store, experiment) < planned


def _units_so_far(store: Store, experiment: Experiment) -> int:
    counts = store.health.units_by_variant(
        experiment.experiment_id, counted_from=experiment.counted_from
    )
    return sum(count.units for count in counts)


def refuse_before_the_plan(store: Store, experiment: Experiment, what: str) -> None:
    """``ConflictError`` while one-look figures of a running experiment would be peeking.

    For analyses whose intervals hold once, at the end, and that therefore wait for it.
    """
    if not waits_for_the_plan(store, experiment):
        return
    units, planned = _units_so_far(store, experiment), experiment.planned_sample_size
    waits = "it has no planned number of units" if planned is None else f"{planned:,} are planned"
    raise ConflictError(
        f"experiment {experiment.experiment_id!r} is {experiment.status} with {units:,} units and "
        f"{waits}: {what} holds for one look at the end and is withheld until then. "
        "analyze_experiment_performance, with segment_by too, may be called at any time"
    )


def _may_show(experiment: Experiment, units: int, *, unseen: bool) -> bool:
    planned = experiment.planned_sample_size
    if planned is not None:
        return units >= planned
    return experiment.status in FINISHED and unseen


def _detail(experiment: Experiment, units: int, shown: bool) -> str:
    planned = experiment.planned_sample_size
    if shown and planned is None:
        return "fixed-horizon figures are shown: it ended before anybody looked"
    if shown:
        return "fixed-horizon figures are shown: the planned number of units has come"
    if planned is not None:
        return f"{units:,} of {planned:,} planned units; fixed-horizon figures are withheld"
    return "no number of units was planned, so fixed-horizon figures are withheld"
