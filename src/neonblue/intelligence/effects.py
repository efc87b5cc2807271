"""Effects of every metric: from sufficient statistics to comparisons that survive peeking."""

from __future__ import annotations

import math
import sys

from neonblue.intelligence.evidence import Comparison, FixedHorizon, MetricEffects
from neonblue.intelligence.horizon import Horizon
from neonblue.intelligence.posterior import lift_posterior
from neonblue.intelligence.summaries import Summaries
from neonblue.intelligence.terms import Terms
from neonblue.models import Experiment, MetricDefinition, MetricSummary
from neonblue.stats import comparison as stats
from neonblue.stats.comparison import InsufficientData


def metric_effects(
    experiment: Experiment, metric: MetricDefinition, summaries: Summaries, terms: Terms
) -> MetricEffects:
    """One proportion, mean or ratio of every treatment against control."""
    control = summaries.of(metric.name, experiment.control.variant_id)
    comparisons, gaps = [], {}
    for variant in experiment.treatments:
        treatment = summaries.of(metric.name, variant.variant_id)
        found = textbook(metric, control, treatment, experiment.alpha)
        if isinstance(found, InsufficientData):
            gaps[variant.variant_id] = found.detail
        elif not (_known(control) and _known(treatment)):
            gaps[variant.variant_id] = TOO_FAR_FROM_ZERO
        else:
            raw = (_mean(metric, control), _mean(metric, treatment))
            comparisons.append(
                _comparison(experiment, metric, variant.variant_id, found, raw, terms)
            )
    return MetricEffects.of(metric, comparisons, gaps)


TOO_FAR_FROM_ZERO = (
    "the values are so large beside their differences that a sum of them loses these: send them "
    "less a constant"
)


def _known(summary: MetricSummary) -> bool:
    """Whether a mean is known better than its standard error, after rounding in a sum of n."""
    rounding = abs(summary.mean) * sys.float_info.epsilon * math.sqrt(summary.n)
    return rounding * rounding <= summary.variance / summary.n or summary.variance <= 0.0


def textbook(
    metric: MetricDefinition, control: MetricSummary, treatment: MetricSummary, alpha: float
) -> stats.Comparison | InsufficientData:
    """The fixed-horizon comparison of one metric; proportions are tested with pooled variance."""
    assert metric.kind != "quantile"
    return stats.compare(
        control,
        treatment,
        kind=metric.kind,
        alpha=alpha,
        pooled_null=metric.kind == "proportion",
        adjust=metric.covariate is not None or metric.pre_period_days is not None,
    )


def _comparison(
    experiment: Experiment,
    metric: MetricDefinition,
    variant: str,
    found: stats.Comparison,
    means: tuple[float, float],
    terms: Terms,
) -> Comparison:
    """One treatment against control: the sequence decides, the rest is for reading."""
    horizon = terms.horizon(experiment, variant, metric.name)
    sequence, relative = horizon.sequence(found), horizon.relative(found)
    posterior = (
        lift_posterior(found, metric.direction, terms.priors[metric.name])
        if sequence.available
        else None
    )
    return Comparison(
        metric=metric.name,
        variant=variant,
        n_control=int(found.n_control),
        n_treatment=int(found.n_treatment),
        mean_control=means[0],
        mean_treatment=means[1],
        absolute_difference=found.absolute_difference,
        standard_error=found.standard_error,
        ci_lower=sequence.ci_lower,
        ci_upper=sequence.ci_upper,
        relative_lift=found.relative_lift,
        relative_standard_error=found.log_ratio_standard_error,
        relative_ci_lower=relative.ci_lower,
        relative_ci_upper=relative.ci_upper,
        p_value=sequence.p_value,
        least_p_value=min(sequence.p_value, terms.least_p.get((metric.name, variant), 1.0)),
        fixed_horizon=_fixed(found, horizon) if terms.show_fixed_horizon else None,
        chance_to_win=posterior.chance_to_win if posterior else None,
        expected_loss=posterior.expected_loss if posterior else None,
        shrunk_relative_lift=posterior.mean if posterior else None,
        shrunk_ci_lower=posterior.lower if posterior else None,
        shrunk_ci_upper=posterior.upper if posterior else None,
        covariate_variance_reduction=found.variance_reduction,
        note=sequence.detail or None,
        information=horizon.information(found).information if sequence.available else 0.0,
        settled=sequence.available and horizon.settles(found.n_control + found.n_treatment),
        units_ended=horizon.units_ended,
    )


def _mean(metric: MetricDefinition, summary: MetricSummary) -> float:
    return summary.mean / summary.denominator_mean if metric.kind == "ratio" else summary.mean


def _fixed(found: stats.Comparison, horizon: Horizon) -> FixedHorizon:
    look, relative = horizon.one_look(found), horizon.one_look_relative(found)
    normal = math.isinf(found.degrees_of_freedom)
    return FixedHorizon(
        method="z test, variance pooled under the null" if normal else "Welch's t test",
        p_value=found.p_value,
        ci_lower=found.ci_lower,
        ci_upper=found.ci_upper,
        relative_ci_lower=found.relative_ci_lower,
        relative_ci_upper=found.relative_ci_upper,
        degrees_of_freedom=None if normal else found.degrees_of_freedom,
        deciding_ci_lower=look.ci_lower,
        deciding_ci_upper=look.ci_upper,
        deciding_p_value=look.p_value,
        deciding_relative_ci_lower=relative[0],
        deciding_relative_ci_upper=relative[1],
        detail=look.detail,
    )
