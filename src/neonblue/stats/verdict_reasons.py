"""Reasons of a verdict: a code, a sentence and the numbers behind it."""

from __future__ import annotations

from neonblue.stats.verdict_evidence import (
    MetricEvidence,
    Progress,
    ValidityCheck,
    VerdictReason,
)

HARM = "the whole interval is on the harmful side"
UNRESOLVED = "harm beyond the margin is not excluded"
INSIDE = "the whole interval is inside the smallest effect that matters"


def check_reason(check: ValidityCheck) -> VerdictReason:
    """A check that failed or warns.

    Definition: a sentence, no method.
    """
    code = "check_failed" if check.status == "fail" else "check_warning"
    return VerdictReason(code=code, message=f"{check.name}: {check.detail}")


def metric_reason(code: str, item: MetricEvidence, what: str) -> VerdictReason:
    """What a metric's interval says.

    Definition: a sentence, no method.
    """
    limits = f"{item.estimate:+.4g}, {item.ci_lower:+.4g} to {item.ci_upper:+.4g}"
    message = f"{item.metric}: {what} ({limits})"
    return VerdictReason(
        code=code, message=message, metric=item.metric, variant=item.variant, values=_values(item)
    )


def success_reason(item: MetricEvidence, adjusted_p: float) -> VerdictReason:
    """A success metric that is better than control.

    Definition: a sentence, no method.
    """
    return metric_reason("success", item, f"better than control, adjusted p {adjusted_p:.3g}")


def guardrail_reason(item: MetricEvidence) -> VerdictReason:
    """A guardrail that holds, or cannot be judged without a margin.

    Definition: a sentence, no method.
    """
    if item.margin is None:
        return metric_reason(
            "guardrail_without_margin", item, "no margin is set, only harm is checked"
        )
    return metric_reason("guardrail_passes", item, f"not worse by the margin of {item.margin:.4g}")


def open_reason(item: MetricEvidence, code: str) -> VerdictReason:
    """A metric that is not settled yet, and why.

    Definition: a sentence, no method.
    """
    if not item.available:
        what = item.detail or "not enough data for an interval"
        return VerdictReason(
            code=code, message=f"{item.metric}: {what}", metric=item.metric, variant=item.variant
        )
    if item.mde is None:
        return metric_reason(code, item, "no clear effect yet, and no mde is set")
    return metric_reason(code, item, f"no clear effect at a smallest effect of {item.mde:.4g}")


def end_reasons(progress: Progress) -> tuple[VerdictReason, ...]:
    """That no more units are coming.

    Definition: a sentence, no method.
    """
    message = (
        f"no more units are coming: {progress.n:,.0f} of {progress.planned_n:,.0f} planned"
        if progress.finished
        else f"{progress.n:,.0f} units, at the maximum of {progress.last_n:,.0f}"
    )
    if progress.may_continue:
        return ()
    values = {"n": progress.n, "planned_n": progress.planned_n, "maximum_n": progress.last_n}
    return (VerdictReason(code="no_more_units", message=message, values=values),)


def _values(item: MetricEvidence) -> dict[str, float]:
    values = {"estimate": item.estimate, "ci_lower": item.ci_lower, "ci_upper": item.ci_upper}
    optional = {"mde": item.mde, "margin": item.margin}
    return values | {name: value for name, value in optional.items() if value is not None}
