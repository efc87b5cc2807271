"""A real chDB in a temporary folder, a running experiment in it, and exposures to put there."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from neonblue.experiments.plans import Proposal, record_plan
from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.stores import Store
from neonblue.stores.events import event_schema
from neonblue.stores.experiment_history import Change, Step

PLAN = Experiment(
    experiment_id="checkout",
    variants=(Variant(variant_id="control", is_control=True), Variant(variant_id="short")),
    metrics=(MetricDefinition(name="bought", kind="proportion", event_type="purchase"),),
)
BEGAN = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def running(store: Store) -> Experiment:
    """The experiment ``checkout``, two variants at equal weights."""
    return define(store, PLAN)


def define(store: Store, plan: Experiment) -> Experiment:
    proposal = Proposal(experiment=plan, origin="tool", status=plan.status)
    return record_plan(store, proposal).experiment


def expose(store: Store, variants: Mapping[str, str], experiment_id: str = "checkout") -> None:
    """Insert an exposure of each unit to its variant."""
    names = sorted(variants)
    columns = {
        "event_id": [f"{experiment_id}-{name}" for name in names],
        "user_id": names,
        "experiment_id": [experiment_id] * len(names),
        "variant_id": [variants[name] for name in names],
        "event_type": ["exposure"] * len(names),
        "timestamp": [BEGAN] * len(names),
        "value": [None] * len(names),
        "session_id": [""] * len(names),
        "properties": [{}] * len(names),
        "source": ["test"] * len(names),
    }
    store.events.insert(pa.table(columns, schema=event_schema()))


def plan_with(**changes: object) -> Experiment:
    return replace(PLAN, **changes)  # type: ignore[arg-type]


def change(store: Store, experiment_id: str = "checkout", **changes: object) -> None:
    """One step of the history that sets fields of the state."""

    def decide(current: Change | None) -> Step:
        assert current is not None
        changed = replace(current.experiment, **changes)  # type: ignore[arg-type]
        return Step(experiment=changed, action="set_weights", status_said="status" in changes)

    store.experiment_history.take(experiment_id, decide)
