"""The verdict: what the evidence says to do, as one pure function.

The order is fixed: invalid, too early (only harm alarms fire), rollback, ship, review,
keep_running with a time, no_meaningful_effect, inconclusive. Parts of it are GrowthBook's,
Microsoft ExP's and Spotify's risk-aware rule (Schultzberg, Ankargren, Frånberg 2024): Holm over
success metrics, no correction over guardrails, since all of them must pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from neonblue.stats.verdict_evidence import (
    MetricEvidence,
    Progress,
    ValidityCheck,
    Verdict,
    VerdictDecision,
    VerdictReason,
)
from neonblue.stats.verdict_reasons import check_reason
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
) -> Verdict:
    """The verdict over all treatments.

    With several treatments each is judged by itself, with Holm over every pair of success metric
    and treatment. One that ships wins over the others; else a harmful one is named for rollback.

    Schultzberg, Ankargren, Frånberg (2024): ship = (any success superior, Holm) and (every
    guardrail non-inferior) and (none deteriorated); the order of the other rules is ours
    (docs/adr/0004).
    """
    failed = tuple(check_reason(check) for check in checks if check.status == "fail")
    if failed:
        return Verdict(decision="invalid", reasons=failed, next_step=NEXT_STEPS["invalid"])
    adjusted = _adjusted(evidence)
    cases = _cases(evidence, progress=progress, alpha=alpha, adjusted=adjusted)
    findings = {case.variant: judge(case) for case in cases}
    if not findings:
        return _nothing_yet(progress)
    variant = _leading(findings, cases)
    finding = findings[variant]
    others = (
        reason for name, item in findings.items() if name != variant for reason in item.reasons
    )
    warnings = (check_reason(check) for check in checks if check.status == "warn")
    return Verdict(
        decision=finding.decision,
        reasons=(*finding.reasons, *others, *warnings),
        next_step=_next_step(finding.decision, variant, findings),
        variant=variant if finding.decision in ("ship", "rollback", "review") else None,
        eta_days=_eta_days(findings.values(), progress)
        if finding.decision == "keep_running"
        else None,
        by_variant={name: item.decision for name, item in findings.items()},
        adjusted_p_values=adjusted,
    )


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm (1979) adjusted p-values, in the order given.

    p_(i) adjusted = max over j <= i of min(1, (m - j + 1) p_(j)).
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, least = [1.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        least = max(least, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = least
    return tuple(adjusted)


def _adjusted(evidence: Sequence[MetricEvidence]) -> dict[tuple[str, str], float]:
    family = [item for item in evidence if item.role == "primary"]
    # A missing p (NaN) proves nothing.
    p_values = holm([item.p_value if item.p_value <= 1.0 else 1.0 for item in family])
    return {(item.metric, item.variant): p for item, p in zip(family, p_values, strict=True)}


def _cases(
    evidence: Sequence[MetricEvidence],
    *,
    progress: Progress,
    alpha: float,
    adjusted: Mapping[tuple[str, str], float],
) -> list[Case]:
    variants = dict.fromkeys(item.variant for item in evidence)
    return [
        Case(
            variant=variant,
            success=_of(evidence, variant, "primary"),
            guardrails=_of(evidence, variant, "guardrail"),
            progress=progress,
            alpha=alpha,
            adjusted=adjusted,
        )
        for variant in variants
    ]


def _of(evidence: Sequence[MetricEvidence], variant: str, role: str) -> tuple[MetricEvidence, ...]:
    return tuple(item for item in evidence if item.variant == variant and item.role == role)


def _leading(findings: Mapping[str, Finding], cases: Sequence[Case]) -> str:
    """The treatment that speaks for the experiment; of several winners the best-proven one."""
    gains = {
        case.variant: max((item.worst for item in case.success), default=0.0) for case in cases
    }
    return min(
        findings,
        key=lambda name: (PRECEDENCE.index(findings[name].decision), -gains[name]),
    )


def _eta_days(findings: Iterable[Finding], progress: Progress) -> float | None:
    """Days until the slowest open treatment is precise enough and the minimum is over."""
    waits = [0.0]
    if progress.days is not None:
        waits.append(progress.minimum_days - progress.days)
    needed = [item.needed_n for item in findings if item.needed_n is not None]
    if needed:
        if not progress.units_a_day or progress.units_a_day <= 0.0:
            return None
        waits.append((max(needed) - progress.n) / progress.units_a_day)
    return max(waits)


def _next_step(decision: VerdictDecision, variant: str, findings: Mapping[str, Finding]) -> str:
    harmful = [name for name, item in findings.items() if item.decision == "rollback"]
    if decision == "ship":
        return f"have a person agree, then roll {variant!r} out on the platform"
    if decision == "rollback" and len(harmful) < len(findings):
        names = ", ".join(repr(name) for name in harmful)
        return f"stop {names} on the platform; start a new version with the others"
    return NEXT_STEPS[decision]


def _nothing_yet(progress: Progress) -> Verdict:
    reason = VerdictReason(code="insufficient_data", message="no metric of any treatment has data")
    decision: VerdictDecision = "keep_running" if progress.may_continue else "inconclusive"
    return Verdict(decision=decision, reasons=(reason,), next_step=NEXT_STEPS[decision])
