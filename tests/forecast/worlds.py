"""Finished experiments with known results, as uploaded aggregates."""

from datetime import UTC, datetime, timedelta

from neonblue.models import Experiment, MetricDefinition, MetricSummary, Variant
from neonblue.stores import Store
from neonblue.stores.aggregates import Aggregate

START = datetime(2026, 1, 5, tzinfo=UTC)


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
    metrics = [
        MetricDefinition(name="conversion", kind="proportion", event_type="conversion", mde=0.05)
    ]
    if revenue is not None:
        metrics.append(
            MetricDefinition(
                name="revenue",
                kind="mean",
                event_type="purchase",
                aggregation="sum",
                role="secondary",
            )
        )
    text = str(plan.pop("change", "the new version"))
    experiment = Experiment(
        experiment_id=experiment_id,
        variants=(
            Variant(variant_id="control", is_control=True, description="as it is today"),
            Variant(variant_id="treatment", description=text),
        ),
        metrics=tuple(metrics),
        status=status,  # type: ignore[arg-type]
        source="aggregated",
        started_at=START,
        ended_at=START + timedelta(days=21),
        planned_sample_size=2 * n,
        **plan,  # type: ignore[arg-type]
    )
    store.experiments.save(experiment)
    store.aggregates.insert(
        [
            Aggregate(
                experiment_id=experiment_id,
                metric="conversion",
                variant_id=variant,
                observed_at=START + timedelta(days=21),
                summary=MetricSummary(n=units, mean=rate, variance=rate * (1 - rate)),
            )
            for variant, rate, units in (
                ("control", control, n),
                ("treatment", treatment, treatment_n or n),
            )
        ]
    )
    if revenue is not None:
        store.aggregates.insert(
            [
                Aggregate(
                    experiment_id=experiment_id,
                    metric="revenue",
                    variant_id=variant,
                    observed_at=START + timedelta(days=21),
                    summary=MetricSummary(n=n, mean=mean, variance=4.0),
                )
                for variant, mean in zip(("control", "treatment"), revenue, strict=True)
            ]
        )
