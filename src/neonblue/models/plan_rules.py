"""What every plan has to keep, wherever it comes from: a file, a tool, the platform's tables."""

from __future__ import annotations

import math
from collections.abc import Iterable

from neonblue.errors import InvalidInputError
from neonblue.models.eligibility import TargetingCondition
from neonblue.models.experiment import Experiment, MetricDefinition

MOST_VARIANTS = 60
MOST_METRICS = 200


def check_plan(experiment: Experiment) -> None:
    """Raise ``InvalidInputError`` for the first rule that a plan breaks."""
    name = experiment.experiment_id
    if not name.strip() or len(name) > 256 or "\0" in name:
        raise InvalidInputError(f"experiment_id {name!r} cannot be used: give 1 to 256 characters")
    _variants(experiment)
    _distinct("metric", (metric.name for metric in experiment.metrics), name)
    if not 0 < len(experiment.metrics) <= MOST_METRICS:
        raise InvalidInputError(
            f"experiment {name!r} has {len(experiment.metrics)} metrics: give 1 to {MOST_METRICS}"
        )
    for metric in experiment.metrics:
        check_metric(metric)
    _numbers(experiment)
    _eligibility(experiment)
    _breakers(experiment)


def _variants(experiment: Experiment) -> None:
    name, variants = experiment.experiment_id, experiment.variants
    if not 2 <= len(variants) <= MOST_VARIANTS:
        raise InvalidInputError(
            f"experiment {name!r} has {len(variants)} variants: give 2 to {MOST_VARIANTS}"
        )
    _distinct("variant", (variant.variant_id for variant in variants), name)
    controls = [variant.variant_id for variant in variants if variant.is_control]
    if len(controls) != 1:
        raise InvalidInputError(
            f"experiment {name!r} has {len(controls)} control variants: mark exactly one"
        )
    for variant in variants:
        if not (0 <= variant.weight < math.inf):
            raise InvalidInputError(
                f"variant {variant.variant_id!r} has weight {variant.weight!r}: give 0 or more"
            )
    if not sum(variant.weight for variant in variants) > 0:
        raise InvalidInputError(f"no variant of {name!r} gets traffic: give one a weight over 0")


def _distinct(what: str, names: Iterable[str], experiment_id: str) -> None:
    seen: set[str] = set()
    for name in names:
        if not name.strip():
            raise InvalidInputError(f"a {what} of {experiment_id!r} has no name: give it one")
        if name in seen:
            raise InvalidInputError(
                f"experiment {experiment_id!r} has the {what} {name!r} twice: rename one"
            )
        seen.add(name)


def check_metric(metric: MetricDefinition) -> None:
    """Raise ``InvalidInputError`` for what no metric may be."""
    problem = _metric_problem(metric)
    if problem is not None:
        raise InvalidInputError(f"metric {metric.name!r} {problem}")


def _metric_problem(metric: MetricDefinition) -> str | None:
    if not metric.event_type:
        return "names no event type: say which events it is made of"
    if metric.kind == "ratio" and not metric.denominator_event_type:
        return "is a ratio without a denominator: give denominator_event_type"
    if metric.kind == "proportion" and metric.aggregation != "any":
        return f"is a proportion with aggregation {metric.aggregation!r}: use 'any', or kind 'mean'"
    if metric.kind == "quantile" and not (metric.quantile and 0 < metric.quantile < 1):
        return f"is a quantile at {metric.quantile!r}: give quantile between 0 and 1"
    if metric.winsorize_quantile is not None and not 0.5 < metric.winsorize_quantile < 1:
        return f"is winsorised at {metric.winsorize_quantile!r}: give a quantile above 0.5, below 1"
    if metric.margin is not None and not 0 < metric.margin < math.inf:
        return f"has margin {metric.margin!r}: give a fraction above 0, like 0.02"
    if metric.mde is not None and not 0 < metric.mde < math.inf:
        return f"has mde {metric.mde!r}: give a fraction above 0, like 0.05"
    if metric.pre_period_days is not None and not 0 < metric.pre_period_days <= 366:
        return f"has pre_period_days {metric.pre_period_days!r}: give up to 366 days"
    window = metric.attribution_window_days
    if window is not None and not 0 < window <= 366:
        return f"has attribution_window_days {window!r}: give up to 366 days, like 7"
    return None


def _numbers(experiment: Experiment) -> None:
    ranges = {
        "alpha": (experiment.alpha, 0.0, 0.5),
        "power": (experiment.power, 0.0, 1.0),
        "minimum_duration_days": (experiment.minimum_duration_days, -1e-9, 3660.0),
    }
    for name, (value, low, high) in ranges.items():
        if not low < value < high:
            raise InvalidInputError(
                f"{name} {value!r} of experiment {experiment.experiment_id!r} is out of range: "
                f"give a number above {max(low, 0):g} and below {high:g}"
            )
    for name in ("planned_sample_size", "maximum_sample_size"):
        size = getattr(experiment, name)
        if size is not None and not 0 < size < 2**53:
            raise InvalidInputError(
                f"{name} {size!r} of experiment {experiment.experiment_id!r} is no number of "
                "units: give a whole number above 0"
            )


def _breakers(experiment: Experiment) -> None:
    metrics = [metric.name for metric in experiment.metrics]
    for breaker in experiment.circuit_breakers:
        if breaker.metric not in metrics:
            raise InvalidInputError(
                f"a circuit breaker is on {breaker.metric!r}, which is no metric of "
                f"{experiment.experiment_id!r}: name one of {', '.join(map(repr, metrics))}"
            )
        if not math.isfinite(breaker.limit) or breaker.minimum_units < 1:
            raise InvalidInputError(
                f"the circuit breaker on {breaker.metric!r} has limit {breaker.limit!r} and "
                f"minimum_units {breaker.minimum_units!r}: give a number, and at least 1 unit"
            )


def _eligibility(experiment: Experiment) -> None:
    name, layer = experiment.experiment_id, experiment.layer
    if not 0 <= experiment.holdout_fraction < 1:
        raise InvalidInputError(
            f"holdout_fraction {experiment.holdout_fraction!r} of {name!r} is no share of units: "
            "give 0 or more and below 1, like 0.05"
        )
    if layer is not None and not (layer.name.strip() and 0 <= layer.start < layer.end <= 1):
        raise InvalidInputError(
            f"layer {layer.name!r} from {layer.start!r} to {layer.end!r} of {name!r} cannot be "
            "used: give it a name, and 0 <= start < end <= 1"
        )
    for condition in experiment.targeting:
        problem = _condition_problem(condition)
        if problem is not None:
            raise InvalidInputError(f"targeting of {name!r} by {condition.property!r} {problem}")
    weights = experiment.current_weights
    if weights and len(weights) != len(experiment.variants):
        raise InvalidInputError(
            f"experiment {name!r} has {len(experiment.variants)} variants and {len(weights)} "
            "current weights: give one a variant, in plan order"
        )
    if weights and not (all(0 <= one < math.inf for one in weights) and sum(weights) > 0):
        raise InvalidInputError(
            f"current weights {list(weights)!r} of {name!r} cannot be used: give 0 or more, and "
            "at least one above 0"
        )


def _condition_problem(condition: TargetingCondition) -> str | None:
    values, operator = condition.values, condition.operator
    if not condition.property.strip():
        return "names no property: say which one, like 'country'"
    if not values:
        return f"has no value to compare with: give values for {operator!r}"
    if operator in {"at_least", "at_most"}:
        number = values[0]
        if len(values) != 1 or isinstance(number, bool | str) or not math.isfinite(number):
            return f"compares with {list(values)!r}: give {operator!r} one number"
    if operator in {"starts_with", "ends_with"} and not all(isinstance(v, str) for v in values):
        return f"compares with {list(values)!r}: give {operator!r} texts"
    return None
