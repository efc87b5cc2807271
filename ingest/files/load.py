"""Load a file as a whole or not at all: read, check, stage, define, commit."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from neonblue.errors import InvalidInputError, UnavailableError
from neonblue.experiments.plans import was_read
from neonblue.ingest.files.aggregate_file import read_aggregates
from neonblue.ingest.files.data_file import DataFile, open_file
from neonblue.ingest.files.ending import (
    declare_end,
    go_on,
    is_over,
    refuse_end_of_nothing,
    shared_totals,
    shared_with,
    totals_fell,
)
from neonblue.ingest.files.event_file import stage_events
from neonblue.ingest.files.load_plan import LoadPlan, Shape
from neonblue.ingest.files.loaded_experiment import loaded_experiment
from neonblue.ingest.files.rejects import Rejects
from neonblue.ingest.files.row_file import stage_rows
from neonblue.ingest.files.staged_file import StagedFile
from neonblue.models import Experiment, ExperimentStatus, MetricKind

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.loads import Staged, Staging

Report = Callable[[float, float, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSummary:
    """What a load did. ``variants`` counts units; those in several variants are in none."""

    experiment_id: str
    version: int
    rows_read: int
    rows_excluded: int
    rows_rejected: int
    reasons: Mapping[str, int]
    rejects_file: str | None
    repeated_rows: int
    events: int
    units: int
    multiple_variant_units: int
    variants: Mapping[str, int]
    metrics: Mapping[str, MetricKind]
    warnings: tuple[str, ...]
    status: ExperimentStatus | None = None
    seconds: float = 0.0


def load_file(store: Store, plan: LoadPlan, report: Report) -> LoadSummary:
    """Load one file. Raises one ``NeonBlueError`` that says what to do; then nothing was loaded.

    Loading the same file again changes no number: events carry ids made from what they are about.
    """
    started = time.monotonic()
    file = open_file(plan.path)
    shape = shape_of(plan, file)
    refuse_end_of_nothing(store, plan)
    rejects = Rejects(plan.rejects or Path.cwd() / f"{plan.path.name}.rejects.csv")
    try:
        if shape == "aggregated":
            summary = _load_aggregated(store, plan, file, rejects, report)
        else:
            summary = _load_units(store, plan, file, shape, rejects, report)
    except InvalidInputError as error:
        if rejects.total and str(rejects.path) not in str(error):
            raise InvalidInputError(f"{error}. {_rejected(rejects)}") from error
        raise
    finally:
        rejects.close()
    report(1.0, 1.0, "done")
    return replace(summary, seconds=round(time.monotonic() - started, 3))


def shape_of(plan: LoadPlan, file: DataFile) -> Shape:
    """What a row of the file is, and a complaint when the plan does not say enough."""
    envelope = "op" in file.columns or "payload" in file.columns
    if plan.event_type is not None or "event_type" in file.columns or envelope:
        shape: Shape = "events"
    else:
        shape = "rows"
    if plan.aggregated:
        shape = "aggregated"
    if shape != "events":
        _require(plan, file)
    return shape


def _require(plan: LoadPlan, file: DataFile) -> None:
    needed = {
        "--experiment ID": plan.experiment_id,
        "--variant COLUMN": plan.variant,
        "--control VALUE": plan.control,
        "--metric NAME=COLUMN": plan.metrics,
    }
    missing = [option for option, value in needed.items() if not value]
    if missing:
        raise InvalidInputError(
            f"{file.path.name!r} needs {' and '.join(missing)}: "
            f"its columns are {', '.join(map(repr, file.columns[:40]))}"
        )


def _load_units(
    store: Store,
    plan: LoadPlan,
    file: DataFile,
    shape: Shape,
    rejects: Rejects,
    report: Report,
) -> LoadSummary:
    staging = store.loads.begin()
    try:
        stage = stage_rows if shape == "rows" else stage_events
        read = stage(staging, plan, file, rejects, report)
        report(0.85, 1.0, "checking units and variants")
        staged = staging.describe(plan.experiment_id)
        seen = store.experiment_history.state_version(plan.experiment_id)
        experiment = _define(store, plan, staged, read)
        # Without times, only what is stored can tell whether something came after the end.
        late = not read.timed and is_over(store, plan)
        late = late and staging.differs(plan.experiment_id, replace=plan.replace)
        stored = _commit(store, plan, staging, (experiment, seen), file, rejects, report)
    except BaseException:
        # Whatever went wrong, also an interrupt: nothing may stay behind.
        _drop(staging)
        raise
    stored = declare_end(store, plan, stored)
    resumed = (go_on(store, plan),) if late else ()
    stored = store.experiments.get(plan.experiment_id) if late else stored
    shared = shared_with(store, plan.experiment_id, staged.units) if stored else ()
    return _summary(plan, stored, staged, read, rejects, (*resumed, *shared))


def _commit(
    store: Store,
    plan: LoadPlan,
    staging: Staging,
    decided: tuple[Experiment | None, int],
    file: DataFile,
    rejects: Rejects,
    report: Report,
) -> Experiment | None:
    """Make what is staged visible, with what was left out and the experiment, which was decided
    upon at a state version that has to be the newest still."""
    experiment, seen = decided
    report(0.9, 1.0, "making it visible")
    return store.loads.commit(
        staging,
        experiment,
        file.path.name,
        replace=plan.replace,
        rows=rejects.counts(plan.experiment_id),
        fingerprint=file.fingerprint(),
        expected_version=seen,
    )


def _drop(staging: Staging) -> None:
    try:
        staging.drop()
    except UnavailableError:
        # The store is gone; what is staged is invisible and dropped at the next start.
        return


def _rejected(rejects: Rejects) -> str:
    """What may lie behind another complaint: a variant or metric whose rows are all bad."""
    return (
        f"{rejects.total} rows could not be used ({rejects.summary()}): they are in "
        f"{str(rejects.path)!r}"
    )


def _define(store: Store, plan: LoadPlan, staged: Staged, read: StagedFile) -> Experiment | None:
    """The definition that goes with the events; None for an event log that brings none."""
    if not plan.experiment_id or (not plan.metrics and plan.control is None):
        return None
    current = store.experiments.find(plan.experiment_id)
    return loaded_experiment(
        plan,
        variants=[item.variant_id for item in staged.variants],
        kinds=read.kinds,
        timed=read.timed,
        first_at=staged.first_at,
        last_at=staged.last_at,
        current=current,
        read=current is not None and was_read(store, current, "load"),
    )


def _summary(
    plan: LoadPlan,
    stored: Experiment | None,
    staged: Staged,
    read: StagedFile,
    rejects: Rejects,
    shared: tuple[str, ...],
) -> LoadSummary:
    return LoadSummary(
        experiment_id=plan.experiment_id,
        version=0 if stored is None else stored.version,
        rows_read=read.rows_read,
        rows_excluded=read.rows_excluded,
        rows_rejected=rejects.total,
        reasons=dict(rejects.reasons),
        rejects_file=str(rejects.path) if rejects.total else None,
        repeated_rows=read.repeated_rows,
        events=staged.events,
        units=staged.units,
        multiple_variant_units=staged.multiple_variant_units,
        variants={item.variant_id: item.clean_units for item in staged.variants},
        metrics=dict(read.kinds),
        warnings=(*read.warnings, *_warnings(staged), *shared),
        status=None if stored is None else stored.status,
    )


def _warnings(staged: Staged) -> tuple[str, ...]:
    if not staged.multiple_variant_units:
        return ()
    return (
        f"{staged.multiple_variant_units} units were seen in several variants: "
        "they are excluded from effects, and the validity check reports them",
    )


def _load_aggregated(
    store: Store, plan: LoadPlan, file: DataFile, rejects: Rejects, report: Report
) -> LoadSummary:
    read, aggregates = read_aggregates(plan, file, rejects)
    times = [item.observed_at for item in aggregates]
    seen = store.experiment_history.state_version(plan.experiment_id)
    current = store.experiments.find(plan.experiment_id)
    experiment = loaded_experiment(
        plan,
        variants=sorted({item.variant_id for item in aggregates}),
        kinds=read.kinds,
        timed=read.timed,
        first_at=min(times),
        last_at=max(times),
        current=current,
        read=current is not None and was_read(store, current, "load"),
    )
    late = not read.timed and is_over(store, plan) and store.aggregates.differ(aggregates)
    other_units = totals_fell(store, plan, aggregates, read.kinds)
    staging = store.loads.begin_totals(aggregates)
    try:
        saved = _commit(store, plan, staging, (experiment, seen), file, rejects, report)
    except BaseException:
        # Whatever went wrong, also an interrupt: nothing may stay behind.
        _drop(staging)
        raise
    if other_units:
        store.unit_starts.begin(plan.experiment_id)
    stored = declare_end(store, plan, saved) or saved or experiment
    resumed = (go_on(store, plan),) if late else ()
    stored = store.experiments.get(plan.experiment_id) if late else stored
    units: dict[str, int] = {}
    for item in aggregates:
        units[item.variant_id] = max(units.get(item.variant_id, 0), int(item.summary.n))
    return LoadSummary(
        experiment_id=plan.experiment_id,
        version=stored.version,
        rows_read=read.rows_read,
        rows_excluded=read.rows_excluded,
        rows_rejected=rejects.total,
        reasons=dict(rejects.reasons),
        rejects_file=str(rejects.path) if rejects.total else None,
        repeated_rows=0,
        events=0,
        units=sum(units.values()),
        multiple_variant_units=0,
        variants=units,
        metrics=dict(read.kinds),
        warnings=(*read.warnings, *resumed, *shared_totals(store, stored)),
        status=stored.status,
    )
