"""The rules of the verdict for one treatment, in their order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from neonblue.stats.verdict_eta import units_needed
from neonblue.stats.verdict_evidence import (
    Key,
    MetricEvidence,
    Progress,
    VerdictDecision,
    VerdictReason,
)
from neonblue.stats.verdict_reasons import (
    INSIDE,
    UNRESOLVED,
    change_reason,
    early_reasons,
    end_reasons,
    guardrail_reason,
    harm_reason,
    metric_reason,
    missing_reason,
    open_reason,
    success_reason,
    suspicion_reason,
)

Needs = tuple[float | None, ...]
"""Units that must have come before a treatment is settled; None where that is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything about one treatment. The p-values are adjusted over all treatments."""

    variant: str
    success: tuple[MetricEvidence, ...]
    guardrails: tuple[MetricEvidence, ...]
    progress: Progress
    alpha: float
    adjusted: Mapping[Key, float]
    harm: Mapping[Key, float]

    @property
    def judged(self) -> tuple[MetricEvidence, ...]:
        """Whatever can raise the alarm."""
        return *self.success, *self.guardrails

    @property
    def won(self) -> list[MetricEvidence]:
        """Success metrics whose interval, after Holm, lies on the good side."""
        return [
            item
            for item in self.success
            if item.available and item.gain > 0.0 and self.adjusted[item.key] <= self.alpha
        ]

    @property
    def harmed(self) -> list[MetricEvidence]:
        """Metrics whose harm is proven over all that could raise the alarm."""
        return [i for i in self.judged if i.harmful and self.harm[i.key] <= self.alpha]

    @property
    def suspected(self) -> list[MetricEvidence]:
        """Metrics that look harmed, but no more than one of so many may by chance."""
        return [i for i in self.judged if i.harmful and self.harm[i.key] > self.alpha]

    @property
    def unresolved(self) -> list[MetricEvidence]:
        """Guardrails with an interval that does not exclude harm beyond the margin."""
        return [i for i in self.guardrails if i.available and not _non_inferior(i)]

    @property
    def unmeasured(self) -> list[MetricEvidence]:
        """Guardrails with a margin and without evidence."""
        return [i for i in self.guardrails if i.margin is not None and not i.available]

    def needs(self) -> Needs:
        """What the comparisons that are still open wait for."""
        if self.won or not self.success:
            found: list[float | None] = [
                self._needed(i, (i.margin or 0.0) + min(0.0, i.gain)) for i in self.unresolved
            ]
            found += [self._needed(i, i.margin) for i in self.unmeasured]
            return tuple(found)
        wide = [item for item in self.success if _too_wide(item, self.progress)]
        return tuple(self._needed(item, item.mde) for item in wide)

    def _needed(self, item: MetricEvidence, target: float | None) -> float | None:
        return units_needed(item, target, progress=self.progress, alpha=self.alpha)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one treatment's evidence says; ``deciding`` is the metric that says it.

    ``needs`` are those of ``Case.needs`` where it keeps running.
    """

    decision: VerdictDecision
    reasons: tuple[VerdictReason, ...]
    deciding: MetricEvidence | None = None
    needs: Needs = ()
    next_step: str = ""


def judge(case: Case) -> Finding:
    """The rules in their order; the first that speaks decides, and what is odd is said as well.

    Definition: ours, after Schultzberg, Ankargren, Frånberg (2024); see ``verdict.decide``.
    """
    for rule in (_harm, _too_early, _aimless, _success, _imprecise, _equivalent):
        finding = rule(case)
        if finding is not None:
            return _with_asides(finding, case)
    reasons = tuple(open_reason(item, "unresolved") for item in case.success)
    finding = Finding(
        decision="inconclusive",
        reasons=(*reasons, *end_reasons(case.progress)),
        deciding=_clearest(case),
    )
    return _with_asides(finding, case)


def _with_asides(finding: Finding, case: Case) -> Finding:
    """Adds what no reader may miss, unless it was said: changes, suspicions, what is missing."""
    said = {(reason.code, reason.metric) for reason in finding.reasons}
    named = {reason.metric for reason in finding.reasons}
    extra = [
        reason
        for reason in _asides(case)
        if (reason.code, reason.metric) not in said
        and not (reason.code.endswith("_without_evidence") and reason.metric in named)
    ]
    return replace(
        finding,
        reasons=(*finding.reasons, *extra),
        deciding=finding.deciding or _clearest(case),
    )


def _asides(case: Case) -> Iterator[VerdictReason]:
    for item in case.judged:
        if item.change is not None:
            yield change_reason(item)
    for item in case.suspected:
        yield suspicion_reason(item, case.harm[item.key])
    if case.progress.finished or case.progress.n >= case.progress.burn_in_n:
        yield from (missing_reason(item) for item in case.judged if not item.available)


def _harm(case: Case) -> Finding | None:
    harmed = sorted(case.harmed, key=lambda item: case.harm[item.key])
    if not harmed:
        return None
    reasons = tuple(harm_reason(item, case.harm[item.key]) for item in harmed)
    return Finding(decision="rollback", reasons=reasons, deciding=harmed[0])


def _too_early(case: Case) -> Finding | None:
    progress = case.progress
    reasons = early_reasons(progress)
    if not reasons:
        return None
    burn_in = (progress.burn_in_n,) if progress.n < progress.burn_in_n else ()
    return Finding(decision="keep_running", reasons=reasons, needs=(*burn_in, *case.needs()))


def _aimless(case: Case) -> Finding | None:
    """Without a success metric nothing can ship; guardrails are still watched for harm."""
    if case.success:
        return None
    message = "no primary metric says what success is: only harm is watched"
    first = VerdictReason(code="no_success_metric", message=message, variant=case.variant)
    reasons = (first, *_guardrail_reasons(case))
    if (case.unresolved or case.unmeasured) and case.progress.may_continue:
        return Finding(decision="keep_running", reasons=reasons, needs=case.needs())
    return Finding(decision="inconclusive", reasons=(*reasons, *end_reasons(case.progress)))


def _success(case: Case) -> Finding | None:
    """Ship; or wait, or ask a person, for a guardrail or because the effect changed."""
    won = sorted(case.won, key=lambda item: case.adjusted[item.key])
    if not won:
        return None
    firm = [item for item in won if not _faded(item)]
    best = (firm or won)[0]
    reasons = [success_reason(item, case.adjusted[item.key]) for item in firm]
    reasons += [change_reason(item) for item in won if _faded(item)]
    reasons += _guardrail_reasons(case)
    if firm and not (case.unresolved or case.unmeasured or case.suspected):
        return Finding(decision="ship", reasons=tuple(reasons), deciding=best)
    if case.progress.may_continue:
        needs: Needs = case.needs() if firm else (None, *case.needs())
        return Finding(decision="keep_running", reasons=tuple(reasons), deciding=best, needs=needs)
    return Finding(
        decision="review",
        reasons=(*reasons, *end_reasons(case.progress)),
        deciding=best,
        next_step=_question(case, faded=not firm),
    )


def _question(case: Case, *, faded: bool) -> str:
    """What a person has to weigh."""
    doubts = ["an effect that is no longer what it was"] if faded else []
    named = ", ".join(repr(item.metric) for item in case.unmeasured)
    doubts += [f"that {named} was not measured"] if named else []
    named = ", ".join(repr(item.metric) for item in case.unresolved)
    doubts += [f"the open guardrail {named}"] if named else []
    named = ", ".join(repr(item.metric) for item in case.suspected)
    doubts += [f"the suspected harm to {named}"] if named else []
    return f"have a person weigh the gain of {case.variant!r} against {' and '.join(doubts)}"


def _guardrail_reasons(case: Case) -> tuple[VerdictReason, ...]:
    passed = [item for item in case.guardrails if item.available and _non_inferior(item)]
    passed = [item for item in passed if item not in case.suspected]
    return (
        *(missing_reason(item) for item in case.unmeasured),
        *(metric_reason("guardrail_unresolved", item, UNRESOLVED) for item in case.unresolved),
        *(guardrail_reason(item) for item in passed),
    )


def _imprecise(case: Case) -> Finding | None:
    """Keep running while an effect that matters could still be hidden."""
    if not case.progress.may_continue:
        return None
    waiting = [item for item in case.success if _too_wide(item, case.progress)]
    if not waiting:
        return None
    reasons = tuple(
        open_reason(item, "not_precise_enough" if item.available else "insufficient_data")
        for item in waiting
    )
    return Finding(decision="keep_running", reasons=reasons, needs=case.needs())


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


def _clearest(case: Case) -> MetricEvidence | None:
    """The success metric with the least p of those that have an interval; else a guardrail."""
    for items in (case.success, case.guardrails):
        known = [item for item in items if item.available]
        if known:
            return min(known, key=lambda item: item.p_value)
    return None


def _faded(item: MetricEvidence) -> bool:
    change = item.change
    return change is not None and change.grade == "changed" and not change.lasting


def _non_inferior(item: MetricEvidence) -> bool:
    """Beyond −margin; without a margin a guardrail only raises alarms."""
    return item.margin is None or item.worst > -item.margin


def _too_wide(item: MetricEvidence, progress: Progress) -> bool:
    if not item.available:
        return True
    if item.mde is None:
        return progress.n < progress.planned_n
    return item.half_width > item.mde
