"""The verdict: rules over the evidence in a fixed order; the first that applies decides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from neonblue.intelligence.evidence import Comparison, Decision, MetricEffects, Reason, Validity
from neonblue.intelligence.ledger import FINISHED
from neonblue.models import Experiment, MetricDefinition


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where the experiment stands: how many units of how many, and since when."""

    experiment: Experiment
    units: int
    started_at: datetime | None
    now: datetime

    @property
    def finished(self) -> bool:
        return self.experiment.status in FINISHED

    @property
    def age(self) -> timedelta:
        if self.started_at is None:
            return timedelta(0)
        end = self.experiment.ended_at or self.now
        return max(timedelta(0), min(end, self.now) - self.started_at)

    @property
    def at_maximum(self) -> bool:
        plan = self.experiment
        most = plan.maximum_sample_size or plan.planned_sample_size
        return self.finished or (most is not None and self.units >= most)


def bounds(comparison: Comparison, *, fixed: bool) -> tuple[float, float]:
    """The interval that decides: the sequence, or the textbook one after an unwatched end."""
    if fixed and comparison.fixed_horizon is not None:
        return comparison.fixed_horizon.ci_lower, comparison.fixed_horizon.ci_upper
    return comparison.ci_lower, comparison.ci_upper


def decide(
    standing: Standing, validity: Validity, metrics: Sequence[MetricEffects], *, fixed: bool
) -> Decision:
    """The first rule that applies."""
    if validity.failed:
        return _invalid(validity)
    view = View(standing=standing, metrics=tuple(metrics), fixed=fixed)
    for rule in RULES:
        decision = rule(view)
        if decision is not None:
            return decision
    return _inconclusive(view)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the rules look at."""

    standing: Standing
    metrics: tuple[MetricEffects, ...]
    fixed: bool

    def of_role(self, *roles: str) -> list[tuple[MetricDefinition, Comparison]]:
        """Every comparison of metrics with these roles."""
        return [
            (effects.definition, comparison)
            for effects in self.metrics
            if effects.definition.role in roles
            for comparison in effects.comparisons
        ]

    def good_bounds(self, metric: MetricDefinition, comparison: Comparison) -> tuple[float, float]:
        """The deciding interval, turned so that more is better."""
        lower, upper = bounds(comparison, fixed=self.fixed)
        return (lower, upper) if metric.direction == "increase" else (-upper, -lower)


def _invalid(validity: Validity) -> Decision:
    return Decision(
        decision="invalid",
        reasons=tuple(Reason(code=check.name, detail=check.detail) for check in validity.failed),
        next_step="call diagnose_experiment for the cause and its fix; effects are withheld",
    )


def _no_data(view: View) -> Decision | None:
    if view.of_role("primary"):
        return None
    details = "; ".join(f"{e.definition.name}: {e.detail}" for e in view.metrics if e.detail)
    return Decision(
        decision="inconclusive" if view.standing.finished else "keep_running",
        reasons=(Reason(code="insufficient_data", detail=details or "no primary metric has data"),),
        next_step="load or send more events, then call analyze_experiment_performance again",
    )


def _rollback(view: View) -> Decision | None:
    harmed = [
        (metric, comparison)
        for metric, comparison in view.of_role("primary", "guardrail")
        if view.good_bounds(metric, comparison)[1] < 0
    ]
    if not harmed:
        return None
    return Decision(
        decision="rollback",
        reasons=tuple(_effect(view, "harm", metric, c) for metric, c in harmed),
        next_step="stop the treatment with change_experiment; the harm is established",
    )


def _too_young(view: View) -> Decision | None:
    standing = view.standing
    least = timedelta(days=standing.experiment.minimum_duration_days)
    if standing.finished or standing.age >= least:
        return None
    days = (least - standing.age) / timedelta(days=1)
    return Decision(
        decision="keep_running",
        reasons=(
            Reason(
                code="below_minimum_duration",
                detail=f"{standing.age / timedelta(days=1):.1f} of at least "
                f"{least / timedelta(days=1):g} days; until then only harm can stop it",
            ),
        ),
        next_step=f"look again in {math.ceil(days)} days",
    )


def _ship_or_review(view: View) -> Decision | None:
    winners = [
        (metric, comparison)
        for metric, comparison in view.of_role("primary")
        if _superior(view, metric, comparison)
    ]
    if not winners:
        return None
    open_ends = [
        (metric, comparison)
        for metric, comparison in view.of_role("guardrail")
        if comparison.variant in {c.variant for _, c in winners}
        and not _non_inferior(view, metric, comparison)
    ]
    won = tuple(_effect(view, "superior", metric, c) for metric, c in winners)
    if not open_ends:
        best = max(winners, key=lambda pair: abs(pair[1].relative_lift or 0.0))[1].variant
        return Decision(
            decision="ship",
            reasons=won,
            next_step=f"roll out {best!r} with change_experiment; expect the shrunk lift",
        )
    unresolved = tuple(_effect(view, "guardrail_unresolved", m, c) for m, c in open_ends)
    if view.standing.at_maximum:
        return Decision(
            decision="review",
            reasons=won + unresolved,
            next_step="let a person weigh the gain against the unresolved guardrail",
        )
    return Decision(
        decision="keep_running",
        reasons=unresolved + won,
        next_step=f"keep running until the guardrail is resolved; {_eta(view, open_ends)}",
    )


def _still_wide(view: View) -> Decision | None:
    standing = view.standing
    wide = [
        (metric, comparison)
        for metric, comparison in view.of_role("primary")
        if _half_width(view, comparison) > _mde(metric, comparison)
    ]
    if not wide or standing.at_maximum:
        return None
    metric, comparison = wide[0]
    return Decision(
        decision="keep_running",
        reasons=(_effect(view, "interval_wider_than_mde", metric, comparison),),
        next_step=_eta(view, wide),
    )


def _no_meaningful_effect(view: View) -> Decision | None:
    primary = view.of_role("primary")
    inside = [
        (metric, comparison)
        for metric, comparison in primary
        if max(map(abs, bounds(comparison, fixed=view.fixed))) < _mde(metric, comparison)
    ]
    if len(inside) < len(primary):
        return None
    return Decision(
        decision="no_meaningful_effect",
        reasons=tuple(_effect(view, "inside_mde", metric, c) for metric, c in inside),
        next_step="keep the simpler or cheaper variant",
    )


def _inconclusive(view: View) -> Decision:
    return Decision(
        decision="inconclusive",
        reasons=tuple(_effect(view, "undecided", m, c) for m, c in view.of_role("primary")),
        next_step="the data cannot tell; design a larger or sharper test with design_experiment",
    )


RULES = (_no_data, _rollback, _too_young, _ship_or_review, _still_wide, _no_meaningful_effect)


def _superior(view: View, metric: MetricDefinition, comparison: Comparison) -> bool:
    p_value = comparison.p_value
    if view.fixed and comparison.fixed_horizon is not None:
        p_value = comparison.fixed_horizon.p_value
    if comparison.adjusted_p_value is not None:
        p_value = comparison.adjusted_p_value
    good = comparison.absolute_difference > 0
    if metric.direction == "decrease":
        good = comparison.absolute_difference < 0
    return good and p_value <= view.standing.experiment.alpha


def _non_inferior(view: View, metric: MetricDefinition, comparison: Comparison) -> bool:
    """Without a margin a guardrail only must not have deteriorated, which rollback has checked."""
    if metric.margin is None:
        return True
    worst = view.good_bounds(metric, comparison)[0]
    return worst > -metric.margin * abs(comparison.mean_control)


def _half_width(view: View, comparison: Comparison) -> float:
    lower, upper = bounds(comparison, fixed=view.fixed)
    return (upper - lower) / 2


def _mde(metric: MetricDefinition, comparison: Comparison) -> float:
    return 0.0 if metric.mde is None else metric.mde * abs(comparison.mean_control)


def _effect(view: View, code: str, metric: MetricDefinition, comparison: Comparison) -> Reason:
    lower, upper = bounds(comparison, fixed=view.fixed)
    detail = (
        f"{metric.name} in {comparison.variant}: {comparison.absolute_difference:+.4g} "
        f"({lower:+.4g} to {upper:+.4g})"
    )
    return Reason(code=code, detail=detail, metric=metric.name, variant=comparison.variant)


def _eta(view: View, pairs: Sequence[tuple[MetricDefinition, Comparison]]) -> str:
    """How long until intervals are as narrow as the mde, at the traffic so far."""
    standing = view.standing
    days = standing.age / timedelta(days=1)
    targets = [
        (_half_width(view, c) / target) ** 2 for m, c in pairs if (target := _target(m, c)) > 0
    ]
    if not targets or days <= 0 or standing.units == 0:
        return "look again when more units have come"
    needed = standing.units * max(targets)
    plan = standing.experiment
    most = plan.maximum_sample_size or plan.planned_sample_size
    if most is not None:
        needed = min(needed, most)
    left = max(0.0, needed - standing.units) / (standing.units / days)
    return f"about {math.ceil(left)} more days at the present traffic ({needed:,.0f} units)"


def _target(metric: MetricDefinition, comparison: Comparison) -> float:
    size = metric.margin if metric.role == "guardrail" else metric.mde
    return (size or 0.0) * abs(comparison.mean_control)
