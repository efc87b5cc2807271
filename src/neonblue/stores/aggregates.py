"""Uploaded aggregates: cumulative n, mean and variance per variant, metric and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from neonblue.models import MetricSummary

if TYPE_CHECKING:
    from neonblue.stores.database import Database

COLUMNS = ("experiment_id", "metric", "variant_id", "observed_at", "n", "mean", "variance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """One variant's metric as it stood at ``observed_at`` (UTC): everything since the start."""

    experiment_id: str
    metric: str
    variant_id: str
    observed_at: datetime
    summary: MetricSummary


class Aggregates:
    """Uploaded summaries of experiments whose events live elsewhere."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(self, aggregates: Sequence[Aggregate]) -> None:
        """Append snapshots in one block; the same variant, metric and time replaces the earlier.

        Files go through ``Loads``, which replaces all totals of an experiment in one step.
        """
        self._database.insert_rows("aggregates", *aggregate_rows(aggregates))

    def differ(self, aggregates: Sequence[Aggregate]) -> bool:
        """Whether they are not what is stored of their variants, metrics and times."""
        names = {item.experiment_id for item in aggregates}
        stored = {item for name in names for item in self.series(name)}
        return not stored.issuperset(aggregates)

    def series(self, experiment_id: str) -> tuple[Aggregate, ...]:
        """Every snapshot of an experiment, by metric, time and variant."""
        rows = self._database.rows(
            """
            SELECT experiment_id, metric, variant_id, observed_at, n, mean, variance
            FROM aggregates FINAL WHERE experiment_id = {id:String}
            ORDER BY metric, observed_at, variant_id
            """,
            {"id": experiment_id},
        )
        return tuple(_aggregate(*row) for row in rows)

    def latest(self, experiment_id: str) -> tuple[Aggregate, ...]:
        """The newest snapshot of each metric and variant."""
        newest = {(item.metric, item.variant_id): item for item in self.series(experiment_id)}
        return tuple(newest.values())


def aggregate_rows(
    aggregates: Sequence[Aggregate],
) -> tuple[Sequence[str], list[tuple[object, ...]]]:
    """Column names and rows of an insert."""
    rows: list[tuple[object, ...]] = [
        (
            *(item.experiment_id, item.metric, item.variant_id, item.observed_at),
            *(item.summary.n, item.summary.mean, item.summary.variance),
        )
        for item in aggregates
    ]
    return COLUMNS, rows


def _aggregate(
    experiment_id: str,
    metric: str,
    variant_id: str,
    observed_at: datetime,
    n: float,
    mean: float,
    variance: float,
) -> Aggregate:
    return Aggregate(
        experiment_id=experiment_id,
        metric=metric,
        variant_id=variant_id,
        observed_at=observed_at,
        summary=MetricSummary(n=n, mean=mean, variance=variance),
    )
