"""What policies look at, gathered from the store, the audit log and the figures of an act."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from neonblue.errors import InvalidInputError
from neonblue.optimization.acts import Act
from neonblue.optimization.policy_rules import Facts

if TYPE_CHECKING:
    from neonblue.models import Experiment
    from neonblue.optimization.audit import AuditLog
    from neonblue.stores import Store

DAY_SECONDS = 86_400.0
RUNNING_AFTER = {"start": True, "resume": True, "pause": False, "stop": False, "conclude": False}


def gather(
    store: Store,
    audit: AuditLog,
    act: Act,
    figures: Mapping[str, Any],
    *,
    now: datetime,
    wall_clock: datetime,
) -> Facts:
    """The facts of an act. ``figures`` may give ``relative_change`` (metric → the interval's ends,
    the harmful one first, negative for worse) and ``risk`` (a fraction of the primary metric)."""
    experiment = store.experiments.find(act.experiment_id)
    others = _running_elsewhere(audit, act.experiment_id)
    shares = _shares(act, experiment)
    return Facts(
        now=now,
        wall_clock=wall_clock,
        running=len(others),
        days_running=_days_running(store, act.experiment_id, now),
        least_share=min(shares.values(), default=None) if shares else None,
        treated_fraction=_treated(act, experiment, shares),
        treated_elsewhere=sum(_number(one.get("treated_fraction")) for one in others),
        holdout_fraction=_fraction(act, "holdout_fraction", 0.0),
        risk=_maybe(figures.get("risk")),
        risk_elsewhere=sum(_number(one.get("risk")) for one in others),
        measured=() if experiment is None else tuple(one.name for one in experiment.metrics),
        changes=dict(_changes(figures.get("relative_change"))),
    )


def plain(facts: Facts) -> dict[str, Any]:
    """The facts as JSON values."""
    times = {"now": facts.now.isoformat(), "wall_clock": facts.wall_clock.isoformat()}
    return {**asdict(facts), **times}


def read(found: Mapping[str, Any]) -> Facts:
    """The facts that ``plain`` wrote."""
    return Facts(
        **{
            **found,
            "now": datetime.fromisoformat(found["now"]),
            "wall_clock": datetime.fromisoformat(found["wall_clock"]),
            "measured": tuple(found["measured"]),
            "changes": {name: (ends[0], ends[1]) for name, ends in found["changes"].items()},
        }
    )


def _running_elsewhere(audit: AuditLog, experiment_id: str) -> list[Mapping[str, Any]]:
    """The facts under which each other experiment that was started here runs."""
    running: dict[str, Mapping[str, Any]] = {}
    for entry in audit.entries("done"):
        details = entry.details
        goes_on = RUNNING_AFTER.get(details["act"]["kind"], entry.experiment_id in running)
        if goes_on:
            running[entry.experiment_id] = details.get("facts", {})
        else:
            running.pop(entry.experiment_id, None)
    running.pop(experiment_id, None)
    return [*running.values()]


def _days_running(store: Store, experiment_id: str, now: datetime) -> float | None:
    """Since it first ran, as far as its history says."""
    started = [
        change.changed_at
        for change in store.experiments.status_history(experiment_id)
        if change.status == "running"
    ]
    return (now - started[0]).total_seconds() / DAY_SECONDS if started else None


def _shares(act: Act, experiment: Experiment | None) -> dict[str, float]:
    """Each variant's share of the units that take part; empty when it is not known."""
    given = act.arguments.get("weights")
    if given is None:
        given = {} if experiment is None else {v.variant_id: v.weight for v in experiment.variants}
    if not isinstance(given, Mapping):
        raise InvalidInputError(f"weights {given!r} are none: give an object, variant to share")
    weights = {str(name): _number(weight) for name, weight in given.items()}
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()} if total > 0 else {}


def _treated(act: Act, experiment: Experiment | None, shares: Mapping[str, float]) -> float | None:
    if act.kind == "roll_out":
        return _fraction(act, "fraction", 1.0)
    if experiment is None or not shares:
        return None
    control = [v.variant_id for v in experiment.variants if v.is_control]
    untouched = sum(shares.get(name, 0.0) for name in control)
    return _fraction(act, "traffic_fraction", 1.0) * (1.0 - untouched)


def _fraction(act: Act, name: str, default: float) -> float:
    value = act.arguments.get(name, default)
    number = _number(value)
    if not 0.0 <= number <= 1.0:
        raise InvalidInputError(f"{name} {value!r} is no fraction: give a number from 0 to 1")
    return number


def _changes(given: Any) -> Iterator[tuple[str, tuple[float, float]]]:
    if not isinstance(given, Mapping):
        return
    for name, ends in given.items():
        if isinstance(ends, (list, tuple)) and len(ends) == 2:
            yield str(name), (_number(ends[0]), _number(ends[1]))


def _maybe(value: Any) -> float | None:
    return None if value is None else _number(value)


def _number(value: Any) -> float:
    """A number as it is; nothing counts as 0. Raises ``InvalidInputError`` for anything else."""
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidInputError(f"{value!r} is no number: give one")
    return float(value)
