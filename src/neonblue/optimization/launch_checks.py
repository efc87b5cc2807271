"""What is looked at before an experiment may start: does the world have what the plan needs?

``fail`` keeps a plan from being stored and a draft from being started; ``warn`` is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from neonblue.errors import InvalidInputError
from neonblue.intelligence.evidence import Check
from neonblue.models import Experiment, MetricDefinition
from neonblue.models.lifecycle import WATCHED_STATUSES

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.traffic import ObservedTraffic

MAX_DAYS = 90.0
LONG_DAYS = 42.0
MAX_NAMED = 5


def launch_checks(store: Store, plan: Experiment) -> tuple[Check, ...]:
    """Every check of a plan, in the order in which it is read."""
    traffic = store.traffic.observed()
    return (
        _metric_events(store, plan),
        _covariates(store, plan),
        _traffic(plan, traffic),
        _overlap(store, plan),
        _breakers(plan),
    )


def refuse_failed(plan: Experiment, checks: Sequence[Check], what: str) -> None:
    """Raise ``InvalidInputError`` with everything that failed, in one message."""
    failed = [check.detail for check in checks if check.status == "fail"]
    if failed:
        raise InvalidInputError(
            f"experiment {plan.experiment_id!r} cannot be {what}: {'; '.join(failed)}"
        )


def expected_days(plan: Experiment, traffic: ObservedTraffic | None) -> float | None:
    """Days until the planned units have come, at the traffic of the last weeks."""
    if traffic is None or plan.planned_sample_size is None:
        return None
    return plan.planned_sample_size / (traffic.units_per_day * reach(plan))


def reach(plan: Experiment) -> float:
    """The share of all units that may take part: its slice of the layer, without the holdout."""
    slice_ = 1.0 if plan.layer is None else plan.layer.end - plan.layer.start
    return slice_ * (1.0 - plan.holdout_fraction)


def overlapping(store: Store, plan: Experiment) -> tuple[Experiment, ...]:
    """The experiments that run on the same kind of unit and may have the same units."""
    return tuple(
        other
        for other in store.experiments.defined().values()
        if other.status in WATCHED_STATUSES
        and other.experiment_id != plan.experiment_id
        and other.unit == plan.unit
        and not _apart(plan, other)
    )


def _apart(one: Experiment, other: Experiment) -> bool:
    if one.layer is None or other.layer is None or one.layer.name != other.layer.name:
        return False
    return not one.layer.overlaps(other.layer)


def _metric_events(store: Store, plan: Experiment) -> Check:
    """Types that no event has: a slip for primary and guardrail metrics, where there are events."""
    name, seen = "metric_events", _users(store)
    if not seen:
        return Check(name=name, status="warn", detail="no event of any type has come yet")
    gaps = [
        (metric, event_type)
        for metric in plan.metrics
        for event_type in _types(metric)
        if event_type not in seen
    ]
    if not gaps:
        return Check(name=name, status="pass", detail="every metric has events")
    grave = any(metric.role != "secondary" for metric, _ in gaps)
    sentences = [
        f"metric {metric.name!r} counts {event_type!r}, and no such event was ever seen"
        f"{_close(event_type, seen)}"
        for metric, event_type in gaps[:MAX_NAMED]
    ]
    return Check(
        name=name,
        status="fail" if grave else "warn",
        detail="; ".join(sentences),
        metrics=tuple(dict.fromkeys(metric.name for metric, _ in gaps)),
    )


def _users(store: Store) -> dict[str, int]:
    return {count.event_type: count.users for count in store.traffic.event_counts()}


def _types(metric: MetricDefinition) -> Iterator[str]:
    yield metric.event_type
    if metric.denominator_event_type is not None:
        yield metric.denominator_event_type


def _close(name: str, known: Mapping[str, int]) -> str:
    close = get_close_matches(name, known, n=2)
    if close:
        return f" (did you mean {' or '.join(map(repr, close))}?)"
    common = sorted(known, key=lambda each: -known[each])[:MAX_NAMED]
    return f" (there are {', '.join(map(repr, common))})"


def _covariates(store: Store, plan: Experiment) -> Check:
    name = "covariates"
    wanted = {m.covariate: m.name for m in plan.metrics if m.covariate and not m.pre_period_days}
    if not wanted:
        return Check(name=name, status="pass", detail="no metric needs a property of exposures")
    carried = store.traffic.exposure_properties()
    if not carried:
        detail = "no exposure of any experiment has been seen, so no covariate can be checked"
        return Check(name=name, status="warn", detail=detail)
    missing = [each for each in wanted if each not in carried]
    if not missing:
        return Check(name=name, status="pass", detail="exposures carry every covariate")
    sentences = [
        f"metric {wanted[each]!r} has the covariate {each!r}, which no exposure carries"
        f"{_close(each, carried)}"
        for each in missing[:MAX_NAMED]
    ]
    return Check(name=name, status="fail", detail="; ".join(sentences))


def _traffic(plan: Experiment, traffic: ObservedTraffic | None) -> Check:
    name, days = "traffic", expected_days(plan, traffic)
    if plan.planned_sample_size is None:
        detail = (
            "planned_sample_size is missing: take units_watched of design_experiment, or nobody "
            "knows when it can be decided"
        )
        return Check(name=name, status="fail", detail=detail)
    if traffic is None or days is None:
        return Check(name=name, status="warn", detail="no traffic has been seen yet")
    said = (
        f"{plan.planned_sample_size:,} units at {traffic.units_per_day * reach(plan):,.0f} a day "
        f"take {days:,.0f} days"
    )
    if days > MAX_DAYS:
        remedy = f"over {MAX_DAYS:.0f}: size it with design_experiment for a larger mde"
        return Check(name=name, status="fail", detail=f"{said}, {remedy}")
    return Check(name=name, status="warn" if days > LONG_DAYS else "pass", detail=said)


def _overlap(store: Store, plan: Experiment) -> Check:
    name, others = "overlap", overlapping(store, plan)
    if not others:
        return Check(name=name, status="pass", detail="no other experiment runs on these units")
    own = {metric.event_type for metric in plan.metrics if metric.role == "primary"}
    sentences = [
        f"{other.experiment_id!r} runs on the same {plan.unit}s"
        + (" and has the same primary metric" if own & _primary(other) else "")
        for other in others[:MAX_NAMED]
    ]
    more = len(others) - len(sentences)
    sentences += [f"and {more} more"] if more > 0 else []
    advice = ": both may run, but their effects can mix; slices of one layer keep them apart"
    return Check(name=name, status="warn", detail="; ".join(sentences) + advice)


def _primary(experiment: Experiment) -> set[str]:
    return {metric.event_type for metric in experiment.metrics if metric.role == "primary"}


def _breakers(plan: Experiment) -> Check:
    name = "circuit_breakers"
    if plan.circuit_breakers:
        count = len(plan.circuit_breakers)
        return Check(name=name, status="pass", detail=f"{count} absolute limits are set")
    metric = plan.metrics[0].name
    detail = (
        "no circuit breaker is set: add circuit_breakers, absolute limits at which a variant is "
        f'stopped, e.g. [{{"metric": "{metric}", "limit": 0.01, "side": "below"}}]'
    )
    return Check(name=name, status="fail", detail=detail)
