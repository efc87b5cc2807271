"""The verdict: what the evidence says to do, as one pure function.

The order is fixed: invalid, too early (only harm alarms fire), rollback, ship, review,
keep_running with a time, no_meaningful_effect, inconclusive. Parts of it are GrowthBook's,
Microsoft ExP's and Spotify's risk-aware rule (Schultzberg, Ankargren, Frånberg 2024): Holm over
success metrics, no correction over guardrails that must pass, since all of them must; weighted
Holm over all that can raise the harm alarm, since any of them may.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from neonblue.stats.verdict_adjusted import harm_p_values, holm, success_p_values
from neonblue.stats.verdict_eta import days_until
from neonblue.stats.verdict_evidence import (
    MetricEvidence,
    Progress,
    ValidityCheck,
    Verdict,
    VerdictDecision,
    VerdictReason,
)
from neonblue.stats.verdict_reasons import absent_reason, check_reason, eta_reason
from neonblue.stats.verdict_rules import Case, Finding, judge

__all__ = [
    "MetricEvidence",
    "Progress",
    "ValidityCheck",
    "Verdict",
    "VerdictDecision",
    "VerdictReason",
    "decide",
    "holm",
]

NEXT_STEPS: Mapping[VerdictDecision, str] = {
    "invalid": "call diagnose_experiment, fix the cause and start a new version; "
    "do not read effects from this one",
    "keep_running": "let it run and call analyze_experiment_performance again later; "
    "looking changes nothing",
    "rollback": "give everyone the control on the platform; no more units for the others",
    "ship": "have a person agree, then roll the winning variant out on the platform",
    "review": "have a person weigh the gain against the open guardrail",
    "no_meaningful_effect": "end it with the control, or whichever variant is cheaper to run",
    "inconclusive": "end it with the control; call design_experiment for a larger or sharper test "
    "(a covariate, a longer run) before trying again",
}
# Which treatment's decision becomes the experiment's, first match first.
PRECEDENCE: tuple[VerdictDecision, ...] = (
    "ship",
    "rollback",
    "review",
    "keep_running",
    "inconclusive",
    "no_meaningful_effect",
)


def decide(
    evidence: Sequence[MetricEvidence],
    *,
    checks: Sequence[ValidityCheck],
    progress: Progress,
    alpha: float = 0.05,
    without_units: Sequence[str] = (),
) -> Verdict:
    """The verdict over all treatments.

    ``evidence`` has every primary and guardrail metric of every treatment, measured or not: what
    is not there cannot be missed. With several treatments each is judged by itself, with Holm over
    every pair of success metric and treatment, and over every pair that can raise the alarm. One
    that ships wins over the others; else a harmful one is named for rollback. Treatments
    ``without_units`` are named and not judged.

    Schultzberg, Ankargren, Frånberg (2024): ship = (any success superior, Holm) and (every
    guardrail non-inferior) and (none deteriorated); the order of the other rules is ours
    (docs/adr/0004, 0009).
    """
    failed = tuple(check_reason(check) for check in checks if check.status == "fail")
    if failed:
        return Verdict(decision="invalid", reasons=failed, next_step=NEXT_STEPS["invalid"])
    adjusted, harm = success_p_values(evidence), harm_p_values(evidence)
    cases = [
        Case(
            variant=variant,
            success=_of(evidence, variant, "primary"),
            guardrails=_of(evidence, variant, "guardrail"),
            progress=progress,
            alpha=alpha,
            adjusted=adjusted,
            harm=harm,
        )
        for variant in dict.fromkeys(item.variant for item in evidence)
        if variant not in without_units
    ]
    asides = (
        *(absent_reason(variant) for variant in without_units),
        *(check_reason(check) for check in checks if check.status == "warn"),
    )
    if not cases:
        return _nothing_yet(progress, asides)
    found = _decided({case.variant: judge(case) for case in cases}, cases, progress, asides)
    return replace(found, adjusted_p_values=adjusted, harm_p_values=harm)


def _decided(
    findings: Mapping[str, Finding],
    cases: Sequence[Case],
    progress: Progress,
    asides: tuple[VerdictReason, ...],
) -> Verdict:
    variant = _leading(findings, cases)
    finding = findings[variant]
    others = (
        reason for name, item in findings.items() if name != variant for reason in item.reasons
    )
    eta_days, unknown = _eta(findings.values(), progress, finding.decision)
    return Verdict(
        decision=finding.decision,
        reasons=(*finding.reasons, *unknown, *others, *asides),
        next_step=_next_step(finding, variant, findings),
        variant=variant if finding.decision in ("ship", "rollback", "review") else None,
        eta_days=eta_days,
        by_variant={name: item.decision for name, item in findings.items()},
        deciding=None if finding.deciding is None else finding.deciding.key,
    )


def _of(evidence: Sequence[MetricEvidence], variant: str, role: str) -> tuple[MetricEvidence, ...]:
    return tuple(item for item in evidence if item.variant == variant and item.role == role)


def _leading(findings: Mapping[str, Finding], cases: Sequence[Case]) -> str:
    """The treatment that speaks for the experiment; of several alike the best-proven one.

    Of several to roll back it is the one whose harm is proven best.
    """
    gains = {
        case.variant: max((i.worst for i in case.success if i.available), default=-math.inf)
        for case in cases
    }
    harm = {
        case.variant: min((case.harm[i.key] for i in case.harmed), default=1.0) for case in cases
    }

    def order(name: str) -> tuple[int, float, float]:
        decision = findings[name].decision
        proven = harm[name] if decision == "rollback" else 0.0
        return PRECEDENCE.index(decision), proven, -gains[name]

    return min(findings, key=order)


def _eta(
    findings: Iterable[Finding], progress: Progress, decision: VerdictDecision
) -> tuple[float | None, tuple[VerdictReason, ...]]:
    """Days until the slowest open treatment is settled, or the reason why nobody knows."""
    if decision != "keep_running":
        return None, ()
    needs = [need for item in findings if item.decision == "keep_running" for need in item.needs]
    days, why = days_until(needs, progress)
    return days, () if days is not None else (eta_reason(why),)


def _next_step(finding: Finding, variant: str, findings: Mapping[str, Finding]) -> str:
    harmful = [name for name, item in findings.items() if item.decision == "rollback"]
    decision = finding.decision
    if finding.next_step:
        return finding.next_step
    if decision == "ship":
        return f"have a person agree, then roll {variant!r} out on the platform"
    if decision == "rollback" and len(harmful) < len(findings):
        names = ", ".join(repr(name) for name in harmful)
        return f"stop {names} on the platform; start a new version with the others"
    return NEXT_STEPS[decision]


def _nothing_yet(progress: Progress, asides: tuple[VerdictReason, ...]) -> Verdict:
    reason = VerdictReason(code="insufficient_data", message="no metric of any treatment has data")
    decision: VerdictDecision = "keep_running" if progress.may_continue else "inconclusive"
    planned = progress.planned_n if progress.planned else None
    nothing = Finding(decision=decision, reasons=(reason,), needs=(planned,))
    eta_days, unknown = _eta([nothing], progress, decision)
    return Verdict(
        decision=decision,
        reasons=(reason, *unknown, *asides),
        next_step=NEXT_STEPS[decision],
        eta_days=eta_days,
    )
