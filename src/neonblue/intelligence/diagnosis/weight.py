"""Metrics that one unit decides, and metrics that do not vary at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neonblue.behavior.pseudonyms import Pseudonyms
from neonblue.intelligence.diagnosis.case import Case
from neonblue.intelligence.diagnosis.finding import Finding
from neonblue.intelligence.diagnosis.outliers import without_unit
from neonblue.intelligence.validity import is_flat
from neonblue.models import MetricDefinition, MetricSummary
from neonblue.stats.comparison import Comparison, InsufficientData, compare
from neonblue.stores import shown_queries

if TYPE_CHECKING:
    from neonblue.stores.health import Concentration

WEIGHTY_SHIFT = 0.5
"""Standard errors by which one unit may move a difference before it is reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """How the comparison of one treatment moves when the largest unit is left out."""

    variant: str
    largest: Concentration
    with_it: Comparison
    without_it: Comparison

    @property
    def shift(self) -> float:
        """Change of the difference, in standard errors without the unit."""
        moved = self.with_it.absolute_difference - self.without_it.absolute_difference
        return abs(moved) / self.without_it.standard_error


def outliers(case: Case) -> list[Finding]:
    """Mean metrics whose result hangs on the single largest unit."""
    if case.experiment.source == "aggregated" or case.validity.failed:
        return []
    found = []
    for metric in case.experiment.metrics:
        if metric.kind == "mean" and metric.winsorize_quantile is None:
            pulls = [pull for pull in _pulls(case, metric) if pull.shift > WEIGHTY_SHIFT]
            if pulls:
                worst = max(pulls, key=lambda pull: pull.shift)
                found.append(_outlier(case, metric, worst))
    return found


def flat_metrics(case: Case) -> list[Finding]:
    """Metrics with one value for every unit."""
    return [
        _flat(case, metric)
        for metric in case.experiment.metrics
        if is_flat(case.experiment, case.summaries, metric)
    ]


def _pulls(case: Case, metric: MetricDefinition) -> Iterator[Pull]:
    control_id = case.experiment.control.variant_id
    control = _plain(case.summaries.of(metric.name, control_id))
    for largest in case.store.health.concentration(case.experiment, metric.name):
        for variant in case.experiment.treatments:
            pair = (control, _plain(case.summaries.of(metric.name, variant.variant_id)))
            if largest.variant_id == control_id:
                trimmed = (without_unit(pair[0], largest.largest_value), pair[1])
            elif largest.variant_id == variant.variant_id:
                trimmed = (pair[0], without_unit(pair[1], largest.largest_value))
            else:
                continue
            before, after = compare(*pair, kind="mean"), compare(*trimmed, kind="mean")
            if isinstance(before, InsufficientData) or isinstance(after, InsufficientData):
                continue
            yield Pull(
                variant=variant.variant_id, largest=largest, with_it=before, without_it=after
            )


def _plain(summary: MetricSummary) -> MetricSummary:
    return MetricSummary(n=summary.n, mean=summary.mean, variance=summary.variance)


def _outlier(case: Case, metric: MetricDefinition, pull: Pull) -> Finding:
    largest = pull.largest
    return Finding(
        code="outlier_carries_metric",
        severity="warning",
        side="analysis",
        headline=f"one unit in {largest.variant_id} has {largest.largest_value:,.6g} of "
        f"{metric.name!r} ({largest.largest_share:.1%} of its total) and moves the difference by "
        f"{pull.shift:.1f} standard errors",
        fix="look at the unit: a bot, a test account or a broken client is excluded at the source; "
        "for honest large values plan the metric with a cap (winsorize_quantile) as a new version",
        evidence={
            "metric": metric.name,
            "unit": _named(case, largest.largest_unit),
            "value": largest.largest_value,
            "share_of_total": largest.largest_share,
            "top_percent_share": largest.top_percent_share,
            "shift_in_standard_errors": pull.shift,
        },
        query=shown_queries.largest_values(
            case.experiment.experiment_id, metric.event_type, metric.aggregation
        ),
    )


def _named(case: Case, unit: str) -> str:
    """Answers name no user: the pseudonym can be asked about, and the query shows the unit."""
    name = Pseudonyms(case.store.sessions.pseudonym_key()).of(unit)
    case.store.named_users.remember({unit: name})
    return name


def _flat(case: Case, metric: MetricDefinition) -> Finding:
    return Finding(
        code="zero_variance",
        severity="critical" if metric.role == "primary" else "warning",
        side="capture",
        headline=f"{metric.name!r} has the same value for every unit",
        fix=f"check that {metric.event_type!r} events are sent with this experiment's id and after "
        "exposure, and that the metric's event_type is spelled as they are",
        evidence={"metric": metric.name, "event_type": metric.event_type},
        query=shown_queries.largest_values(
            case.experiment.experiment_id, metric.event_type, metric.aggregation
        ),
    )
