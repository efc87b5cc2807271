"""Effects of every metric: from sufficient statistics to comparisons that survive peeking."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from neonblue.intelligence import seam
from neonblue.intelligence.evidence import Comparison, FixedHorizon, MetricEffects
from neonblue.intelligence.horizon import Horizon
from neonblue.intelligence.priors import Prior
from neonblue.intelligence.summaries import Summaries
from neonblue.models import Experiment, MetricDefinition, MetricSummary
from neonblue.stats.sequential import ConfidenceSequence

FEWEST_UNITS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds for all comparisons of one analysis.

    ``planned_units`` is N* for the whole experiment; a comparison gets its two variants' share.
    ``least_p`` are the least anytime-valid p-values of earlier looks by (metric, variant);
    ``show_fixed_horizon`` says whether the textbook test may be shown.
    """

    planned_units: int
    show_fixed_horizon: bool
    least_p: Mapping[tuple[str, str], float]
    prior: Prior

    def horizon(self, experiment: Experiment, variant: str) -> Horizon:
        """The plan of one treatment against control."""
        weights = {item.variant_id: item.weight for item in experiment.variants}
        pair = (weights[experiment.control.variant_id], weights[variant])
        share = sum(pair) / sum(weights.values())
        maximum = experiment.maximum_sample_size
        return Horizon(
            planned_n=max(1.0, share * self.planned_units),
            maximum_n=None if maximum is None else max(share * maximum, share * self.planned_units),
            alpha=experiment.alpha,
            smallest_share=min(pair) / sum(pair) if min(pair) > 0 else 0.5,
        )


def metric_effects(
    experiment: Experiment, summaries: Summaries, terms: Terms
) -> tuple[MetricEffects, ...]:
    """Every metric against control, in plan order."""
    return tuple(_effects_of(experiment, metric, summaries, terms) for metric in experiment.metrics)


def _effects_of(
    experiment: Experiment, metric: MetricDefinition, summaries: Summaries, terms: Terms
) -> MetricEffects:
    control = summaries.of(metric.name, experiment.control.variant_id)
    comparisons, gaps = [], []
    for variant in experiment.treatments:
        treatment = summaries.of(metric.name, variant.variant_id)
        gap = missing(metric, control, treatment)
        if gap:
            gaps.append(f"{variant.variant_id}: {gap}")
        else:
            pair = (variant.variant_id, control, treatment)
            comparisons.append(compare(experiment, metric, pair, terms))
    return MetricEffects(
        definition=metric,
        status="available" if comparisons else "insufficient_data",
        comparisons=tuple(comparisons),
        detail="; ".join(gaps),
    )


def missing(
    metric: MetricDefinition, control: MetricSummary, treatment: MetricSummary
) -> str | None:
    """What is lacking for a comparison, or None when it can be made."""
    if min(control.n, treatment.n) < FEWEST_UNITS:
        return f"needs {FEWEST_UNITS} units in each variant"
    if metric.kind == "ratio" and 0 in (control.denominator_mean, treatment.denominator_mean):
        return "the denominator is zero in a variant"
    if control.variance <= 0 and treatment.variance <= 0:
        return "every unit has the same value"
    return None


def compare(
    experiment: Experiment,
    metric: MetricDefinition,
    pair: tuple[str, MetricSummary, MetricSummary],
    terms: Terms,
) -> Comparison:
    """One treatment against control: the sequence decides, the rest is for reading."""
    variant, control, treatment = pair
    adjusted = metric.covariate is not None or metric.pre_period_days is not None
    found = seam.estimate(control, treatment, metric.kind, adjusted)
    horizon = terms.horizon(experiment, variant)
    units = control.n + treatment.n
    sequence = horizon.sequence(found.difference, found.safe_error, n=units)
    relative = horizon.relative(found, n=units)
    chance, loss, shrunk = _posterior(metric, relative, terms.prior)
    fixed = _fixed(metric, pair, found, experiment.alpha) if terms.show_fixed_horizon else None
    return Comparison(
        metric=metric.name,
        variant=variant,
        n_control=int(control.n),
        n_treatment=int(treatment.n),
        mean_control=_mean(metric, control),
        mean_treatment=_mean(metric, treatment),
        absolute_difference=found.difference,
        standard_error=found.standard_error,
        ci_lower=sequence.ci_lower,
        ci_upper=sequence.ci_upper,
        relative_lift=_known(relative.estimate),
        relative_standard_error=relative.standard_error,
        relative_ci_lower=relative.ci_lower,
        relative_ci_upper=relative.ci_upper,
        p_value=min(sequence.p_value, terms.least_p.get((metric.name, variant), 1.0)),
        look_p_value=sequence.p_value,
        fixed_horizon=fixed,
        chance_to_win=chance,
        expected_loss=loss,
        shrunk_relative_lift=shrunk,
        covariate_variance_reduction=found.variance_reduction,
        note=sequence.detail or None,
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _posterior(
    metric: MetricDefinition, relative: ConfidenceSequence, prior: Prior
) -> tuple[float | None, float | None, float | None]:
    """Chance to win, expected loss and shrunken lift, on the relative scale."""
    if not (math.isfinite(relative.estimate) and relative.standard_error > 0):
        return None, None, None
    precision = 1 / relative.standard_error**2 + 1 / prior.sd**2
    mean = (relative.estimate / relative.standard_error**2 + prior.mean / prior.sd**2) / precision
    sd = math.sqrt(1 / precision)
    sign = 1.0 if metric.direction == "increase" else -1.0
    score = sign * mean / sd
    density = math.exp(-score * score / 2) / math.sqrt(2 * math.pi)
    chance = seam.normal(score)
    loss = sd * (density - score * seam.normal(-score))
    return chance, max(0.0, loss), mean


def _mean(metric: MetricDefinition, summary: MetricSummary) -> float:
    return summary.mean / summary.denominator_mean if metric.kind == "ratio" else summary.mean


def _fixed(
    metric: MetricDefinition,
    pair: tuple[str, MetricSummary, MetricSummary],
    found: seam.Estimate,
    alpha: float,
) -> FixedHorizon:
    _, control, treatment = pair
    p_value, half = seam.two_sided(
        found.difference, found.standard_error, found.degrees_of_freedom, alpha
    )
    method = "welch" if metric.kind == "mean" else "z"
    if metric.kind == "proportion" and found.variance_reduction is None:
        pooled = (control.n * control.mean + treatment.n * treatment.mean) / (
            control.n + treatment.n
        )
        error = math.sqrt(pooled * (1 - pooled) * (1 / control.n + 1 / treatment.n))
        p_value, _ = seam.two_sided(found.difference, error, None, alpha)
        method = "z_pooled"
    return FixedHorizon(
        method=method,
        p_value=p_value,
        ci_lower=found.difference - half,
        ci_upper=found.difference + half,
        relative_ci_lower=None,
        relative_ci_upper=None,
        degrees_of_freedom=found.degrees_of_freedom,
    )
