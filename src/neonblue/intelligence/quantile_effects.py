"""Quantile metrics: right once, at the planned number of units, so shown only then."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from neonblue.intelligence.evidence import Comparison, FixedHorizon, MetricEffects
from neonblue.models import Experiment, MetricDefinition
from neonblue.stats.comparison import InsufficientData
from neonblue.stats.quantiles import (
    QuantileSummary,
    compare_quantiles,
)

if TYPE_CHECKING:
    from neonblue.stores import Store

WITHHELD = "a quantile has no interval that survives looking; it is shown at the planned units"
NOTE = "fixed horizon only: this metric does not take part in the verdict while looks continue"


def quantile_effects(
    store: Store, experiment: Experiment, metric: MetricDefinition, *, shown: bool
) -> MetricEffects:
    """One quantile metric against control, from every unit's value."""
    if experiment.source == "aggregated":
        detail = "uploaded totals hold no values of units"
        return MetricEffects(definition=metric, status="insufficient_data", detail=detail)
    if not shown:
        return MetricEffects(definition=metric, status="withheld", detail=WITHHELD)
    by_variant = _summaries(store, experiment, metric)
    control = by_variant.get(experiment.control.variant_id)
    comparisons, gaps = [], []
    for variant in experiment.treatments:
        treatment = by_variant.get(variant.variant_id)
        if control is None or treatment is None:
            gaps.append(f"{variant.variant_id}: no units in one of the variants")
            continue
        found = _compare(metric, variant.variant_id, control, treatment, experiment.alpha)
        if isinstance(found, Comparison):
            comparisons.append(found)
        else:
            gaps.append(f"{variant.variant_id}: {found.detail}")
    return MetricEffects(
        definition=metric,
        status="available" if comparisons else "insufficient_data",
        comparisons=tuple(comparisons),
        detail="; ".join(gaps),
    )


def _summaries(
    store: Store, experiment: Experiment, metric: MetricDefinition
) -> dict[str, QuantileSummary]:
    return {
        found.variant_id: QuantileSummary(
            n=float(found.n),
            quantile=found.quantile,
            estimate=found.estimate,
            lower=found.lower,
            upper=found.upper,
        )
        for found in store.quantiles.read(experiment, metric.name)
    }


def _compare(
    metric: MetricDefinition,
    variant: str,
    control: QuantileSummary,
    treatment: QuantileSummary,
    alpha: float,
) -> Comparison | InsufficientData:
    found = compare_quantiles(control, treatment, alpha=alpha)
    if isinstance(found, InsufficientData):
        return found
    return Comparison(
        metric=metric.name,
        variant=variant,
        n_control=int(control.n),
        n_treatment=int(treatment.n),
        mean_control=control.estimate,
        mean_treatment=treatment.estimate,
        absolute_difference=found.absolute_difference,
        standard_error=found.standard_error,
        ci_lower=-math.inf,
        ci_upper=math.inf,
        relative_lift=found.relative_lift,
        relative_standard_error=None,
        relative_ci_lower=None,
        relative_ci_upper=None,
        p_value=1.0,
        fixed_horizon=FixedHorizon(
            method="order statistics, Welch",
            p_value=found.p_value,
            ci_lower=found.ci_lower,
            ci_upper=found.ci_upper,
            relative_ci_lower=None,
            relative_ci_upper=None,
            degrees_of_freedom=found.degrees_of_freedom,
            deciding_ci_lower=found.ci_lower,
            deciding_ci_upper=found.ci_upper,
            deciding_p_value=found.p_value,
        ),
        chance_to_win=None,
        expected_loss=None,
        shrunk_relative_lift=None,
        note=NOTE,
    )
