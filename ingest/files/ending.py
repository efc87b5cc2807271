"""What a load says of an experiment's end, and of the units that it shares with others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from neonblue.errors import InvalidInputError
from neonblue.experiments.statuses import record_status
from neonblue.ingest.files.load_plan import LoadPlan
from neonblue.models import Experiment
from neonblue.models.lifecycle import FINISHED_STATUSES

if TYPE_CHECKING:
    from neonblue.models import MetricKind
    from neonblue.stores import Store
    from neonblue.stores.aggregates import Aggregate
    from neonblue.stores.unit_sketches import Sketch

# Of experiments on the same units; one message is read, fifty are not.
SHOWN_EXPERIMENTS = 3


def refuse_end_of_nothing(store: Store, plan: LoadPlan) -> None:
    """``--finished`` needs an experiment: one that the load defines, or one that is defined."""
    if not plan.ended or (plan.experiment_id and plan.control is not None):
        return
    if not plan.experiment_id or store.experiments.find(plan.experiment_id) is None:
        raise InvalidInputError(
            "--finished declares the end of an experiment: name one that is defined with "
            "--experiment ID, or define it here with --control and --metric. Nothing was loaded"
        )


def declare_end(store: Store, plan: LoadPlan, stored: Experiment | None) -> Experiment | None:
    """Write the declared end into the history of the status, anew with every load that says so."""
    if not plan.ended:
        return stored
    experiment = stored or store.experiments.get(plan.experiment_id)
    ended = experiment.status in FINISHED_STATUSES
    return record_status(
        store,
        experiment.experiment_id,
        experiment.status if ended else "stopped",
        "load",
        reason=f"declared finished with {plan.path.name}",
    )


def is_over(store: Store, plan: LoadPlan) -> bool:
    """Whether the experiment ended, by declaration, and this load declares no end."""
    current = store.experiments.find(plan.experiment_id) if plan.experiment_id else None
    return current is not None and current.status in FINISHED_STATUSES and not plan.ended


def go_on(store: Store, plan: LoadPlan) -> str:
    """Rows without times came after the declared end: it is watched from now on, and said so."""
    record_status(
        store,
        plan.experiment_id,
        "running",
        "load",
        reason=f"rows without times came after its end with {plan.path.name}",
    )
    return (
        f"experiment {plan.experiment_id!r} had ended, and this file has other rows: it is running "
        "again, and watched"
    )


def shared_with(store: Store, experiment_id: str, units: int) -> tuple[str, ...]:
    """What to say when the units and their split are those of an experiment read before."""
    if not experiment_id or not units:
        return ()
    experiment = store.experiments.find(experiment_id)
    if experiment is not None and experiment.source == "aggregated":
        return ()
    sketch = store.unit_sketches.of_events(experiment_id, units, keep=True, anew=True)
    return _said(store, experiment_id, sketch)


def totals_fell(
    store: Store, plan: LoadPlan, totals: Sequence[Aggregate], kinds: Mapping[str, MetricKind]
) -> bool:
    """Whether totals are less than those stored: then they are of other units.

    Totals of the same units and more only grow, but for corrections: their number, and what has
    converted.
    """
    from neonblue.stores.unit_sketches import LEAST_KEPT

    stored = {_key(item): item for item in store.aggregates.latest(plan.experiment_id)}
    newest = {_key(item): item for item in sorted(totals, key=lambda item: item.observed_at)}
    for key, item in newest.items():
        if key not in stored or (item.observed_at < stored[key].observed_at and not plan.replace):
            continue
        before, now = stored[key].summary, item.summary
        converted = kinds.get(item.metric) == "proportion"
        fewer = now.n < LEAST_KEPT * before.n
        less = now.n * now.mean < LEAST_KEPT * before.n * before.mean
        if fewer or (converted and less):
            return True
    return False


def _key(item: Aggregate) -> tuple[str, str]:
    return item.metric, item.variant_id


def shared_totals(store: Store, experiment: Experiment) -> tuple[str, ...]:
    """The same for uploaded totals."""
    from neonblue.stores.unit_sketches import total_hashes

    found = {
        (item.metric, item.variant_id): item.summary
        for item in store.aggregates.latest(experiment.experiment_id)
    }
    totals = [
        [summary for (name, _), summary in found.items() if name == metric.name]
        for metric in experiment.metrics
    ]
    name = experiment.experiment_id
    sketch = store.unit_sketches.of_totals(name, total_hashes(totals), keep=True)
    return _said(store, name, sketch)


def _said(store: Store, experiment_id: str, sketch: Sketch) -> tuple[str, ...]:
    from neonblue.stores.unit_sketches import those_that_count

    read = [
        like
        for like in store.unit_sketches.like(experiment_id, sketch)
        if store.looks.state(like.experiment_id, 0).first_reading is not None
    ]
    counted = tuple(those_that_count(read))
    said = tuple(
        f"{like.share:.0%} of the units, in the same split, are those of experiment "
        f"{like.experiment_id!r}, whose results were read: what was not primary there is "
        "exploratory here, and the error is shared"
        for like in counted[:SHOWN_EXPERIMENTS]
    )
    more = len(counted) - SHOWN_EXPERIMENTS
    return (*said, f"the same holds for {more} more experiments") if more > 0 else said
