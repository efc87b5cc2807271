"""What decides was registered when results were first read: roles of metrics, and the error left.

Whoever has read results can choose a metric, a size or another start by them. So what was not
primary at the first reading is exploratory for good, a primary metric that is dropped keeps its
share of the error, and each restart and each later chance has an error budget.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from neonblue.intelligence.evidence import Reason
from neonblue.models import Experiment, MetricDefinition

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.looks import FirstReading, LedgerState

LEFT_AFTER_START = 0.45
AFTER_ONE_LOOK = 0.02
"""Share of alpha left for what comes after the textbook decided at a declared end."""
PLANNED = ("planned_sample_size", "maximum_sample_size", "minimum_duration_days")


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherReading:
    """The same units under another id, read earlier (``looked_at``, UTC).

    ``metrics``, ``alpha`` and ``treatments`` are those of the plan that was read; ``chosen`` says
    that only some of its units are here.
    """

    experiment_id: str
    looked_at: datetime
    share: float
    metrics: Mapping[str, str]
    alpha: float
    treatments: int = 1
    chosen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """The experiment as it may decide: roles and alpha by the first reading, and why.

    ``changed`` says that rules changed after results were read; ``guardrails_gone`` names the
    guardrails of then that are defined no more.
    """

    experiment: Experiment
    reasons: tuple[Reason, ...] = ()
    changed: bool = False
    guardrails_gone: tuple[str, ...] = ()

    @property
    def alpha_detail(self) -> str:
        """Why the level is what it is, in words; '' when it is the planned one."""
        return "; ".join(reason.detail for reason in self.reasons if reason.code == "error_budget")


def registered_metrics(experiment: Experiment) -> dict[str, str]:
    """Each metric's role and definition, as the ledger keeps them."""
    return {metric.name: f"{metric.role} {_definition(metric)}" for metric in experiment.metrics}


def register(
    store: Store,
    experiment: Experiment,
    state: LedgerState,
    others: tuple[OtherReading, ...] = (),
) -> Registration:
    """The experiment as it may decide after what was read of it, and of the same units.

    ``others`` come in the order of their readings: the first of all says what is primary, and each
    has spent its share of the error.
    """
    first = state.first_reading
    plan = experiment if first is None else _first_plan(store, experiment, first)
    readings = [_metrics_of(plan, first)] if first is not None else []
    readings += [other.metrics for other in others[:1]]
    metrics, reasons = experiment.metrics, []
    gone: dict[str, None] = {}
    for reading in readings:
        metrics, found = _by_reading(metrics, reading)
        reasons += found
        metrics, found, missing = _with_guardrails(metrics, reading, plan)
        reasons += found
        gone |= missing
    start = store.unit_starts.of(experiment.experiment_id)
    if start.chosen or any(other.chosen for other in others):
        metrics, found = _exploratory(metrics)
        reasons += found
    alpha, why = _alpha(store, experiment, plan, state, others, replaced=start.read)
    alpha, dropped = _with_dropped(alpha, metrics, readings[:1])
    same_units = plan if plan.counted_from == experiment.counted_from else experiment
    read = max([live_treatments(same_units), *(other.treatments for other in others)])
    alpha, left = _with_fewer_treatments(alpha, live_treatments(experiment), read)
    dropped += left
    changed = first is not None and _changed(experiment, plan, first)
    if changed and plan.counted_from == experiment.counted_from:
        experiment = replace(experiment, **{name: getattr(plan, name) for name in PLANNED})
    return Registration(
        experiment=replace(experiment, metrics=metrics, alpha=alpha),
        reasons=(*reasons, *_budget(experiment.alpha, alpha, (*why, *dropped))),
        changed=changed,
        guardrails_gone=tuple(gone),
    )


def live_treatments(experiment: Experiment) -> int:
    """How many treatments get units."""
    return sum(variant.weight > 0 for variant in experiment.treatments)


def _exploratory(
    metrics: tuple[MetricDefinition, ...],
) -> tuple[tuple[MetricDefinition, ...], list[Reason]]:
    """No metric decides by units that were chosen when results had been read."""
    primary = [metric for metric in metrics if metric.role == "primary"]
    kept = tuple(replace(one, role="secondary") if one in primary else one for one in metrics)
    return kept, [_reason("exploratory", metric, CHOSEN) for metric in primary]


def _with_fewer_treatments(alpha: float, left: int, read: int) -> tuple[float, tuple[str, ...]]:
    """The share of alpha of the treatments that are left of those that were read."""
    if not 0 < left < read:
        return alpha, ()
    return alpha * left / read, (f"{left} of {read} treatments that were read are left",)


def _with_guardrails(
    metrics: tuple[MetricDefinition, ...], reading: Mapping[str, str], plan: Experiment
) -> tuple[tuple[MetricDefinition, ...], list[Reason], dict[str, None]]:
    """Guardrails stay what they were at a reading: as guardrails, in their direction.

    What was read as one and is defined no more is named. A margin that was dropped is that of the
    plan that was read.
    """
    guards = {
        _either_way(entry.removeprefix("guardrail ")): (name, entry)
        for name, entry in reading.items()
        if entry.startswith("guardrail ")
    }
    kept, reasons = [], []
    for metric in metrics:
        name, entry = guards.pop(_either_way(_definition(metric)), ("", ""))
        if not name or metric.role == "primary":
            kept.append(metric)
            continue
        direction: Literal["increase", "decrease"] = (
            "decrease" if " 'decrease' " in entry else "increase"
        )
        margin = metric.margin
        if margin is None:
            margin = next((one.margin for one in plan.metrics if one.name == name), None)
        guard = replace(metric, role="guardrail", direction=direction, margin=margin)
        if guard != metric:
            reasons.append(_reason("still_guardrail", metric, STILL_GUARDRAIL))
        kept.append(guard)
    return tuple(kept), reasons, {name: None for name, _ in guards.values()}


def _either_way(definition: str) -> str:
    """A definition without its direction, which a guardrail keeps."""
    return definition.replace(" 'decrease' ", " 'increase' ")


def _first_plan(store: Store, experiment: Experiment, first: FirstReading) -> Experiment:
    if first.version == experiment.version:
        return experiment
    return store.experiments.version(experiment.experiment_id, first.version)


def _metrics_of(plan: Experiment, first: FirstReading) -> Mapping[str, str]:
    return first.metrics or registered_metrics(plan)


def _definition(metric: MetricDefinition) -> str:
    """What makes it this metric; how small an effect matters and the words may change."""
    parts = (
        *(metric.kind, metric.event_type, metric.aggregation, metric.direction),
        *(metric.denominator_event_type, metric.denominator_aggregation, metric.quantile),
        *(metric.covariate, metric.pre_period_days, metric.winsorize_quantile),
    )
    return " ".join(repr(part) for part in parts)


def _by_reading(
    metrics: tuple[MetricDefinition, ...], reading: Mapping[str, str]
) -> tuple[tuple[MetricDefinition, ...], list[Reason]]:
    """Roles as they were read first: nothing becomes primary later, and nothing stops to be."""
    primary = {
        entry.removeprefix("primary ") for entry in reading.values() if entry.startswith("primary ")
    }
    kept, reasons = [], []
    for metric in metrics:
        was_primary = _definition(metric) in primary
        if metric.role == "primary" and not was_primary:
            kept.append(replace(metric, role="secondary"))
            reasons.append(_reason("exploratory", metric, EXPLORATORY))
        elif metric.role != "primary" and was_primary:
            kept.append(replace(metric, role="primary"))
            reasons.append(_reason("still_primary", metric, STILL_PRIMARY))
        else:
            kept.append(metric)
    return tuple(kept), reasons


EXPLORATORY = (
    "{0!r} is exploratory: it was not primary when results were first read. To decide by it, start "
    "an experiment of its own on new units"
)
CHOSEN = (
    "{0!r} is exploratory: these are some of the units whose results were read, and which of them "
    "count was chosen since. To decide for them, start an experiment on new units"
)
STILL_GUARDRAIL = (
    "{0!r} was a guardrail when results were first read and still is one, in the direction and "
    "with the margin of then"
)
STILL_PRIMARY = (
    "{0!r} was primary when results were first read and is still weighed as one: what is dropped "
    "after reading must not let the rest win"
)


def _reason(code: str, metric: MetricDefinition, text: str) -> Reason:
    return Reason(code=code, detail=text.format(metric.name), metric=metric.name)


def _with_dropped(
    alpha: float, metrics: tuple[MetricDefinition, ...], readings: list[Mapping[str, str]]
) -> tuple[float, tuple[str, ...]]:
    """The share of alpha that is left beside primary metrics that are defined no more."""
    defined = {_definition(metric) for metric in metrics}
    dropped = {
        name
        for reading in readings
        for name, entry in reading.items()
        if entry.startswith("primary ") and entry.removeprefix("primary ") not in defined
    }
    kept = sum(metric.role == "primary" for metric in metrics)
    if not dropped or not kept:
        return alpha, ()
    names = ", ".join(map(repr, sorted(dropped)))
    return alpha * kept / (kept + len(dropped)), (f"{names} was read as primary and dropped",)


def _alpha(
    store: Store,
    experiment: Experiment,
    plan: Experiment,
    state: LedgerState,
    others: tuple[OtherReading, ...],
    *,
    replaced: int,
) -> tuple[float, tuple[str, ...]]:
    """The level that decides: less by every earlier chance that was read."""
    alpha = min(experiment.alpha, plan.alpha, *(other.alpha for other in others))
    why = []
    if alpha < experiment.alpha:
        why.append(f"results were first read at {alpha:g}")
    if restarts := _restarts_read(store, experiment, state):
        why.append(
            f"{restarts} earlier starts were read, each of which leaves {LEFT_AFTER_START:.0%}"
        )
    if replaced:
        why.append(
            f"units that had been read were taken away or replaced ({replaced} times), each of "
            f"which leaves {LEFT_AFTER_START:.0%}"
        )
    if others:
        names = ", ".join(repr(other.experiment_id) for other in others)
        why.append(f"the same units were read before under {names}")
    if state.one_looks_elsewhere:
        why.append("the one look at its declared end has used the rest, and more came since")
    spent = bool(state.one_looks_elsewhere)
    earlier = restarts + replaced + len(others)
    return error_left(alpha, earlier=earlier, one_look_spent=spent), tuple(why)


def error_left(alpha: float, *, earlier: int, one_look_spent: bool = False) -> float:
    """The level for the next chance: each of the ``earlier`` ones that were read leaves 45 %.

    Over any number of them the levels add up to at most 1.82 alpha, two-sided, so that alpha 5 %
    gives at most 4.6 % false ships. What comes after one look at a declared end has
    ``AFTER_ONE_LOOK`` of it.
    """
    return alpha * LEFT_AFTER_START**earlier * (AFTER_ONE_LOOK if one_look_spent else 1.0)


def _restarts_read(store: Store, experiment: Experiment, state: LedgerState) -> int:
    """Earlier starts on other units of which effects were shown; invalid ones spend nothing."""
    if not state.read_versions - {experiment.version} or experiment.counted_from is None:
        return 0
    versions = store.experiments.versions(experiment.experiment_id)
    read = {one.counted_from for one in versions if one.version in state.read_versions}
    return len(read - {experiment.counted_from})


def _budget(planned: float, alpha: float, why: tuple[str, ...]) -> tuple[Reason, ...]:
    if not why:
        return ()
    detail = f"decided at alpha {alpha:.2g} instead of {planned:g}: {'; '.join(why)}"
    return (Reason(code="error_budget", detail=detail),)


def _changed(experiment: Experiment, plan: Experiment, first: FirstReading) -> bool:
    """Whether rules that count the same units changed since results were first read."""
    if plan.counted_from != experiment.counted_from:
        return False
    rules = [getattr(plan, name) != getattr(experiment, name) for name in (*PLANNED, "alpha")]
    return any(rules) or dict(_metrics_of(plan, first)) != registered_metrics(experiment)
