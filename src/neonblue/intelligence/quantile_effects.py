"""Quantile metrics: order statistics between which a quantile lies at every look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from neonblue.intelligence.evidence import Comparison, FixedHorizon, MetricEffects
from neonblue.intelligence.horizon import Horizon
from neonblue.intelligence.summaries import Summaries
from neonblue.intelligence.terms import Terms
from neonblue.models import Experiment, MetricDefinition
from neonblue.stats.comparison import InsufficientData
from neonblue.stats.quantiles import QuantileComparison, QuantileSummary, compare_quantiles
from neonblue.stats.sequential_quantiles import quantile_sequence

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.quantiles import QuantileReading

WAITING = "too few units for an interval that holds at every look yet"


def quantile_effects(
    store: Store,
    experiment: Experiment,
    metric: MetricDefinition,
    summaries: Summaries,
    terms: Terms,
) -> MetricEffects:
    """One quantile metric of every treatment against control, from every unit's value."""
    if experiment.source == "aggregated":
        detail = "uploaded totals hold no values of units"
        return MetricEffects(definition=metric, status="insufficient_data", detail=detail)
    looks = [
        _look(experiment, metric, one.variant_id, summaries, terms) for one in experiment.treatments
    ]
    # With equal weights every treatment has the same width, and values are read once.
    readings = {
        look.critical: _readings(store, experiment, metric, look.critical) for look in looks
    }
    comparisons, gaps = [], {}
    for look in looks:
        variant = look.variant
        found = _compare(experiment, metric, look, readings[look.critical], terms)
        if isinstance(found, Comparison):
            comparisons.append(found)
        else:
            gaps[variant] = found
    return MetricEffects.of(metric, comparisons, gaps)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """Where one treatment stands beside control: units of both, and the width of the sequence."""

    variant: str
    horizon: Horizon
    units: float

    @property
    def critical(self) -> float:
        return self.horizon.critical_value(self.units)

    def p_value(self, z: float) -> float:
        return float(self.horizon.p_values(np.array([z]), self.units)[0])


def _look(
    experiment: Experiment,
    metric: MetricDefinition,
    variant: str,
    summaries: Summaries,
    terms: Terms,
) -> _Look:
    names = [one.variant_id for one in experiment.variants]
    pair = (experiment.control.variant_id, variant)
    return _Look(
        variant=variant,
        horizon=terms.horizon(experiment, variant, metric.name),
        units=float(sum(summaries.units[names.index(name)] for name in pair)),
    )


def _readings(
    store: Store, experiment: Experiment, metric: MetricDefinition, critical: float
) -> dict[str, QuantileReading]:
    found = store.quantiles.read(experiment, metric.name, critical=critical)
    return {one.variant_id: one for one in found}


def _compare(
    experiment: Experiment,
    metric: MetricDefinition,
    look: _Look,
    readings: Mapping[str, QuantileReading],
    terms: Terms,
) -> Comparison | str:
    """The comparison, or why there is none."""
    variant = look.variant
    control, treatment = readings.get(experiment.control.variant_id), readings.get(variant)
    if control is None or treatment is None:
        return "no units in one of the variants"
    pair = _summary(control), _summary(treatment)
    found = compare_quantiles(*pair, alpha=experiment.alpha)
    if isinstance(found, InsufficientData):
        return found.detail
    sequence = quantile_sequence(
        _watched(pair[0], control), _watched(pair[1], treatment), critical=look.critical
    )
    p_value = look.p_value(sequence.z) if sequence.available else 1.0
    return Comparison(
        metric=metric.name,
        variant=variant,
        n_control=int(pair[0].n),
        n_treatment=int(pair[1].n),
        mean_control=pair[0].estimate,
        mean_treatment=pair[1].estimate,
        absolute_difference=found.absolute_difference,
        standard_error=found.standard_error,
        ci_lower=sequence.ci_lower,
        ci_upper=sequence.ci_upper,
        relative_lift=found.relative_lift,
        relative_standard_error=None,
        relative_ci_lower=None,
        relative_ci_upper=None,
        p_value=p_value,
        least_p_value=min(p_value, terms.least_p.get((metric.name, variant), 1.0)),
        fixed_horizon=_fixed(found) if terms.show_fixed_horizon else None,
        chance_to_win=None,
        expected_loss=None,
        shrunk_relative_lift=None,
        note=None if sequence.available else WAITING,
    )


def _summary(found: QuantileReading) -> QuantileSummary:
    return QuantileSummary(
        n=float(found.n),
        quantile=found.quantile,
        estimate=found.estimate,
        lower=found.lower,
        upper=found.upper,
    )


def _watched(summary: QuantileSummary, found: QuantileReading) -> QuantileSummary:
    return replace(summary, lower=found.watched_lower, upper=found.watched_upper)


def _fixed(found: QuantileComparison) -> FixedHorizon:
    return FixedHorizon(
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
    )
