"""The rules of the verdict for one treatment, in their order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from neonblue.stats.sequential_boundary import plan_critical_value
from neonblue.stats.verdict_evidence import (
    MetricEvidence,
    Progress,
    VerdictDecision,
    VerdictReason,
)
from neonblue.stats.verdict_reasons import (
    HARM,
    INSIDE,
    UNRESOLVED,
    end_reasons,
    guardrail_reason,
    metric_reason,
    open_reason,
    success_reason,
)

ETA_STEPS = 20
FURTHEST = 1000.0
"""How many times the plan an ETA looks ahead where there is no maximum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything about one treatment."""

    variant: str
    success: tuple[MetricEvidence, ...]
    guardrails: tuple[MetricEvidence, ...]
    progress: Progress
    alpha: float
    adjusted: Mapping[tuple[str, str], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    decision: VerdictDecision
    reasons: tuple[VerdictReason, ...]
    needed_n: float | None = None


def judge(case: Case) -> Finding:
    """The rules in their order; the first that speaks decides.

    Definition: ours, after Schultzberg, Ankargren, Frånberg (2024); see ``verdict.decide``.
    """
    for rule in (_harm, _too_early, _aimless, _success, _imprecise, _equivalent):
        finding = rule(case)
        if finding is not None:
            return finding
    reasons = tuple(open_reason(item, "unresolved") for item in case.success)
    return Finding(decision="inconclusive", reasons=(*reasons, *end_reasons(case.progress)))


def _harm(case: Case) -> Finding | None:
    harmed = [item for item in (*case.success, *case.guardrails) if item.harmful]
    if not harmed:
        return None
    return Finding(
        decision="rollback", reasons=tuple(metric_reason("harm", item, HARM) for item in harmed)
    )


def _too_early(case: Case) -> Finding | None:
    progress = case.progress
    if progress.finished:
        return None
    reasons = []
    if progress.days is not None and progress.days < progress.minimum_days:
        message = (
            f"{progress.days:.1f} of at least {progress.minimum_days:g} days: "
            "whole weeks even out weekdays"
        )
        values = {"days": progress.days, "minimum_days": progress.minimum_days}
        reasons.append(VerdictReason(code="below_minimum_duration", message=message, values=values))
    if progress.n < progress.burn_in_n:
        message = f"{progress.n:,.0f} units of the {progress.burn_in_n:,.0f} that burn-in takes"
        values = {"n": progress.n, "burn_in_n": progress.burn_in_n}
        reasons.append(VerdictReason(code="burn_in", message=message, values=values))
    if not reasons:
        return None
    return Finding(
        decision="keep_running",
        reasons=tuple(reasons),
        needed_n=progress.burn_in_n if progress.n < progress.burn_in_n else None,
    )


def _aimless(case: Case) -> Finding | None:
    """Without a success metric nothing can ship; guardrails are still watched for harm."""
    if case.success:
        return None
    message = "no primary metric says what success is: only harm is watched"
    reasons = [VerdictReason(code="no_success_metric", message=message, variant=case.variant)]
    unresolved = [item for item in case.guardrails if not _non_inferior(item)]
    reasons += [guardrail_reason(item) for item in case.guardrails if item not in unresolved]
    reasons += [metric_reason("guardrail_unresolved", item, UNRESOLVED) for item in unresolved]
    if unresolved and case.progress.may_continue:
        needed = max(_n_for(item, item.margin, case) for item in unresolved)
        return Finding(decision="keep_running", reasons=tuple(reasons), needed_n=needed)
    return Finding(decision="inconclusive", reasons=(*reasons, *end_reasons(case.progress)))


def _success(case: Case) -> Finding | None:
    """Ship, review, or keep running for a guardrail."""
    won = [item for item in case.success if _superior(item, case)]
    if not won:
        return None
    reasons = [success_reason(item, case.adjusted[(item.metric, item.variant)]) for item in won]
    unresolved = [item for item in case.guardrails if not _non_inferior(item)]
    passed = [item for item in case.guardrails if _non_inferior(item)]
    reasons += [guardrail_reason(item) for item in passed]
    if not unresolved:
        return Finding(decision="ship", reasons=tuple(reasons))
    reasons += [metric_reason("guardrail_unresolved", item, UNRESOLVED) for item in unresolved]
    if case.progress.may_continue:
        needed = max(_n_for(item, item.margin, case) for item in unresolved)
        return Finding(decision="keep_running", reasons=tuple(reasons), needed_n=needed)
    return Finding(decision="review", reasons=(*reasons, *end_reasons(case.progress)))


def _imprecise(case: Case) -> Finding | None:
    """Keep running while an effect that matters could still be hidden."""
    if not case.progress.may_continue:
        return None
    waiting = [item for item in case.success if _too_wide(item, case.progress)]
    if not waiting:
        return None
    needed = max(_n_for(item, item.mde, case) for item in waiting)
    reasons = tuple(
        open_reason(item, "not_precise_enough" if item.available else "insufficient_data")
        for item in waiting
    )
    return Finding(decision="keep_running", reasons=reasons, needed_n=needed)


def _equivalent(case: Case) -> Finding | None:
    inside = [
        item
        for item in case.success
        if item.mde is not None and -item.mde < item.ci_lower and item.ci_upper < item.mde
    ]
    if not inside or len(inside) < len(case.success):
        return None
    reasons = tuple(metric_reason("inside_mde", item, INSIDE) for item in inside)
    return Finding(decision="no_meaningful_effect", reasons=reasons)


def _superior(item: MetricEvidence, case: Case) -> bool:
    return (
        item.available
        and item.gain > 0.0
        and case.adjusted[(item.metric, item.variant)] <= case.alpha
    )


def _non_inferior(item: MetricEvidence) -> bool:
    """Beyond −margin; without a margin a guardrail only raises alarms."""
    return item.margin is None or (item.available and item.worst > -item.margin)


def _too_wide(item: MetricEvidence, progress: Progress) -> bool:
    if not item.available:
        return True
    if item.mde is None:
        return progress.n < progress.planned_n
    return item.half_width > item.mde


def _n_for(item: MetricEvidence, target: float | None, case: Case) -> float:
    """Units at which the sequence's half-width reaches ``target``, at most the maximum."""
    progress = case.progress
    if target is None or not item.available or item.standard_error <= 0.0:
        return min(max(progress.planned_n, progress.n), progress.last_n)
    low, high = progress.n, min(progress.last_n, FURTHEST * max(progress.n, progress.planned_n))
    for _ in range(ETA_STEPS):
        middle = 0.5 * (low + high)
        width = plan_critical_value(
            middle, planned_n=progress.planned_n, maximum_n=progress.maximum_n, alpha=case.alpha
        )
        reached = width * item.standard_error * (progress.n / middle) ** 0.5 <= target
        low, high = (low, middle) if reached else (middle, high)
    return high
