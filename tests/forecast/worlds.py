"""Finished experiments with known results, as uploaded aggregates."""

import time
from datetime import UTC, datetime, timedelta

from neonblue.models import Experiment, MetricDefinition, MetricSummary, Variant
from neonblue.stores import Store
from neonblue.stores.aggregates import Aggregate
from neonblue.workspace import Workspace

START = datetime(2026, 1, 5, tzinfo=UTC)


CONVERSION = MetricDefinition(
    name="conversion", kind="proportion", event_type="conversion", mde=0.05
)
REVENUE = MetricDefinition(
    name="revenue", kind="mean", event_type="purchase", aggregation="sum", role="secondary"
)
END = START + timedelta(days=21)


def finish(
    store: Store,
    experiment_id: str,
    *,
    control: float = 0.10,
    treatment: float = 0.10,
    n: int = 40_000,
    treatment_n: int | None = None,
    revenue: tuple[float, float] | None = None,
    status: str = "stopped",
    **plan: object,
) -> None:
    """A finished experiment with these rates (and revenues a unit) in two variants."""
    text = str(plan.pop("change", "the new version"))
    experiment = Experiment(
        experiment_id=experiment_id,
        variants=(
            Variant(variant_id="control", is_control=True, description="as it is today"),
            Variant(variant_id="treatment", description=text),
        ),
        metrics=(CONVERSION,) if revenue is None else (CONVERSION, REVENUE),
        status=status,  # type: ignore[arg-type]
        source="aggregated",
        started_at=START,
        ended_at=END,
        planned_sample_size=2 * n,
        **plan,  # type: ignore[arg-type]
    )
    store.experiments.save(experiment)
    rates = {"control": (n, control), "treatment": (treatment_n or n, treatment)}
    found = [
        observed(experiment_id, "conversion", variant, units, rate, rate * (1 - rate))
        for variant, (units, rate) in rates.items()
    ]
    for variant, mean in zip(rates, revenue or (), strict=False):
        found.append(observed(experiment_id, "revenue", variant, n, mean, 4.0))
    store.aggregates.insert(found)


def observed(
    experiment_id: str, metric: str, variant: str, units: int, mean: float, variance: float
) -> Aggregate:
    """What one variant came to at the end."""
    return Aggregate(
        experiment_id=experiment_id,
        metric=metric,
        variant_id=variant,
        observed_at=END,
        summary=MetricSummary(n=units, mean=mean, variance=variance),
    )


def learn_now(workspace: Workspace) -> None:
    """Everything that finished is remembered, however long the first round takes."""
    while workspace.learner.behind or workspace.learner.catch_up(at_once=True) is None:
        time.sleep(0.05)
