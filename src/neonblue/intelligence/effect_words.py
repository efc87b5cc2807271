"""One comparison in words that can be forwarded: names, means, difference and lift."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from neonblue.intelligence.deciding import Deciding
from neonblue.intelligence.rounding import (
    decimals_for,
    difference_words,
    lift_words,
    mean_words,
    p_words,
)
from neonblue.models import Experiment, MetricDefinition, MetricKind

if TYPE_CHECKING:
    from neonblue.stores.verdicts import RecordedVerdict

BASIS_WORDS = {
    "anytime_valid": "valid at every look",
    "fixed_horizon": "of one test at the end",
}


def variant_name(experiment: Experiment, variant_id: str | None) -> str:
    """What people call a variant: its name, else its id; '' for none."""
    names = {one.variant_id: one.name for one in experiment.variants}
    return names.get(variant_id or "") or variant_id or ""


def metric_name(metric: str) -> str:
    """A metric's name as words: support ticket."""
    return metric.replace("_", " ").replace("-", " ").strip() or metric


def covariate_name(metric: MetricDefinition) -> str:
    """What the difference of a metric is adjusted by, where it is."""
    return metric.covariate or f"the {metric.pre_period_days:g} days before"


def effect_words(experiment: Experiment, found: Deciding) -> str:
    """purchase 11.7% → 15.0% of users, +3.3 pp (+2.3 to +4.4), +29% relative (+19% to +39%)."""
    parts = [means_words(experiment, found), difference_of(found)]
    lift = lift_of(found)
    return ", ".join([*parts, lift.replace("%", "% relative", 1)] if lift else parts)


def means_words(experiment: Experiment, found: Deciding) -> str:
    """The means of both variants; the treatment's is the control's and the difference."""
    comparison, metric = found.comparison, found.metric
    limits = (found.ci_lower, found.ci_upper)
    decimals = _decimals(comparison.absolute_difference, limits, metric.kind)
    control = mean_words(comparison.mean_control, metric.kind, decimals)
    treatment = mean_words(
        comparison.mean_control + comparison.absolute_difference, metric.kind, decimals
    )
    return f"{metric_name(metric.name)} {control} → {treatment} {_unit_words(experiment, metric)}"


def difference_of(found: Deciding) -> str:
    """The difference with its interval: +3.3 pp (+2.3 to +4.4)."""
    difference = found.comparison.absolute_difference
    return _difference(difference, (found.ci_lower, found.ci_upper), found.metric.kind)


def recorded_effect(experiment: Experiment, verdict: RecordedVerdict) -> str | None:
    """The difference that a look has recorded, in the same words; None where it showed none."""
    kinds = {metric.name: metric.kind for metric in experiment.metrics}
    difference, kind = verdict.absolute_difference, kinds.get(verdict.metric)
    if difference is None or kind is None:
        return None
    lower = -math.inf if verdict.ci_lower is None else verdict.ci_lower
    upper = math.inf if verdict.ci_upper is None else verdict.ci_upper
    return _difference(difference, (lower, upper), kind)


def _difference(value: float, limits: tuple[float, float], kind: MetricKind) -> str:
    decimals = _decimals(value, limits, kind)
    shown = difference_words(value, kind, decimals)
    if not math.isfinite(limits[1] - limits[0]):
        return f"{shown} (no interval yet)"
    said = [difference_words(limit, kind, decimals, unit=False) for limit in limits]
    return f"{shown} ({said[0]} to {said[1]})"


def lift_of(found: Deciding) -> str:
    """The relative lift with its interval: +29% (+19% to +39%); '' where there is none."""
    lift = found.comparison.relative_lift
    if lift is None or not math.isfinite(lift):
        return ""
    lower, upper = found.relative_ci_lower, found.relative_ci_upper
    if lower is None or upper is None or not math.isfinite(upper - lower):
        return lift_words(lift, decimals_for(None, 100 * lift))
    decimals = decimals_for(100 * (upper - lower) / 2, 100 * lift)
    return (
        f"{lift_words(lift, decimals)} ({lift_words(lower, decimals)} to "
        f"{lift_words(upper, decimals)})"
    )


def sure_words(experiment: Experiment, found: Deciding) -> str:
    """How sure that is: the level, which of the two intervals, the adjusted p."""
    if not _known(found):
        return "too early for an interval"
    level, basis = f"{1 - experiment.alpha:.0%} interval", BASIS_WORDS[found.basis]
    if found.ci_lower <= 0.0 <= found.ci_upper:
        return f"{level} {basis}, which holds no effect as well"
    better = "worse" if found.harmful else "better"
    return f"{level} {basis}; {better} with {p_words(found.p_value)}"


def _known(found: Deciding) -> bool:
    return math.isfinite(found.ci_lower) and math.isfinite(found.ci_upper)


def _decimals(value: float, limits: tuple[float, float], kind: MetricKind) -> int:
    scale = 100.0 if kind == "proportion" else 1.0
    return decimals_for(scale * (limits[1] - limits[0]) / 2, scale * value)


def _unit_words(experiment: Experiment, metric: MetricDefinition) -> str:
    if metric.kind == "proportion":
        return f"of {experiment.unit}s"
    if metric.kind == "ratio":
        return f"per {metric_name(metric.denominator_event_type or 'denominator')}"
    if metric.kind == "quantile":
        return f"(quantile {metric.quantile:g})" if metric.quantile else "(quantile)"
    return f"a {experiment.unit}"
