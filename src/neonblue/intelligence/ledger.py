"""Where an analysis stands in the ledger of looks, and what it may therefore show.

Fixed-horizon figures are right once. They are shown when the planned number of units has been
reached, or, without a planned number, at an end that was declared, when nothing came after it and
no other data had been looked at.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from neonblue.errors import ConflictError
from neonblue.intelligence.deciding import deciding
from neonblue.intelligence.declared_end import DeclaredEnd
from neonblue.intelligence.evidence import Analysis, MetricEffects, RecordedLook
from neonblue.models import Experiment
from neonblue.models.lifecycle import FINISHED_STATUSES, WATCHED_STATUSES
from neonblue.models.reader import READ_ONLY, current_reader

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.looks import LedgerState, Look

GROWTH_WITHOUT_PLAN = 4
LEAST_PLANNED_UNITS = 10_000
MOST_LOOKS = 50


def stand(
    experiment: Experiment,
    units: int,
    state: LedgerState,
    end: DeclaredEnd,
    *,
    changed: str = "",
) -> RecordedLook:
    """The look that this analysis is; ``changed`` says what keeps one look from deciding.

    Looks at an ended experiment are recorded too: a second look at the same data says the same,
    one at other data is peeking, and from then on it counts as watched.
    """
    records = current_reader().records and units > 0
    watched_by = _watched_by(experiment, state, end, changed)
    shown = _may_show(experiment, units, one_look=not watched_by)
    return RecordedLook(
        recorded=records,
        number=state.looks + records,
        units=units,
        planned_units=experiment.planned_sample_size,
        fixed_horizon_shown=shown and current_reader().records,
        fixed_horizon_decides=shown and not watched_by and current_reader().records,
        detail=_detail(experiment, units, shown, watched_by, end),
        held_back=READ_ONLY if shown and not watched_by and not current_reader().records else "",
    )


def _watched_by(experiment: Experiment, state: LedgerState, end: DeclaredEnd, changed: str) -> str:
    """Why the sequence decides and not one look at the end; '' when one look may."""
    if experiment.status not in FINISHED_STATUSES:
        return "it runs"
    if end.came_after:
        return end.came_after
    if state.other_data:
        return "other data of it were looked at before"
    return changed


def horizon_units(
    experiment: Experiment, units: int, state: LedgerState, *, one_look: bool = False
) -> int:
    """N*, the total at which the sequence is tightest; the same at every look.

    Without a planned number a watched experiment gets four times what the first look saw, which
    depends on counts alone and stays as it was; one that ended unwatched its own number of units.
    """
    planned = experiment.planned_sample_size or experiment.maximum_sample_size
    if planned is not None:
        return planned
    if one_look:
        return max(1, units)
    first = units if state.first_units is None else state.first_units
    return max(LEAST_PLANNED_UNITS, GROWTH_WITHOUT_PLAN * first)


def ledger_rows(
    experiment: Experiment,
    metrics: Sequence[MetricEffects],
    look: RecordedLook,
    now: datetime,
    *,
    actor: str = "",
    fingerprint: str = "",
    registered: dict[str, str] | None = None,
    effects: bool | None = None,
) -> list[Look]:
    """The look itself, then one row a metric and variant.

    ``effects`` says whether outcomes by variant were shown, by default whether ``metrics`` has
    comparisons; ``registered`` is each metric's role and definition.
    """
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
        tool=current_reader().tool,
        status=experiment.status,
        fingerprint=fingerprint,
        alpha=experiment.alpha,
        effects=any(one.comparisons for one in metrics) if effects is None else effects,
        one_look=look.fixed_horizon_decides,
    )
    return [replace(itself, metrics=registered or {})] + [
        replace(
            itself,
            metric=each.definition.name,
            variant_id=comparison.variant,
            estimate=comparison.absolute_difference,
            ci_lower=comparison.ci_lower,
            ci_upper=comparison.ci_upper,
            p_value=comparison.p_value,
            running_p_value=comparison.least_p_value,
            compared_units=float(comparison.n_control + comparison.n_treatment),
            information=comparison.information,
            settled=comparison.settled,
            units_ended=comparison.units_ended,
        )
        for each in metrics
        for comparison in each.comparisons
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
    if experiment.status not in WATCHED_STATUSES:
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


def _may_show(experiment: Experiment, units: int, *, one_look: bool) -> bool:
    planned = experiment.planned_sample_size
    if planned is not None:
        return units >= planned
    return one_look


def _detail(
    experiment: Experiment, units: int, shown: bool, watched_by: str, end: DeclaredEnd
) -> str:
    planned = experiment.planned_sample_size
    if shown and not current_reader().records:
        return READ_ONLY
    if shown and not watched_by:
        return f"one look decides: its end was declared and nothing came after; {end.plan}"
    watched = f"; watched, since {watched_by}" if watched_by and watched_by != "it runs" else ""
    if shown:
        return f"fixed-horizon figures are shown: the planned number of units has come{watched}"
    if planned is not None:
        come = f"{units:,} of {planned:,} planned units; fixed-horizon figures are withheld"
        return f"{come}{watched}"
    return f"no number of units was planned, so fixed-horizon figures are withheld{watched}"
