"""Reasons of a verdict: a code, a sentence and the numbers behind it."""

from __future__ import annotations

import math

from neonblue.stats.verdict_evidence import (
    EffectPart,
    MetricEvidence,
    Progress,
    ValidityCheck,
    VerdictReason,
)

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


def harm_reason(item: MetricEvidence, harm_p: float) -> VerdictReason:
    """A metric that is worse than control.

    Definition: a sentence, no method.
    """
    what = f"the whole interval is on the harmful side, adjusted p {harm_p:.3g}"
    return metric_reason("harm", item, what)


def suspicion_reason(item: MetricEvidence, harm_p: float) -> VerdictReason:
    """A metric that looks harmed, among so many that one of them may.

    Definition: a sentence, no method.
    """
    what = (
        "harm is suspected: the interval is on the harmful side, but over all metrics and "
        f"treatments that are watched p is {harm_p:.3g}"
    )
    return metric_reason("harm_suspected", item, what)


def change_reason(item: MetricEvidence) -> VerdictReason:
    """An effect that is not what it was, with both figures.

    Definition: a sentence, no method.
    """
    assert item.change is not None
    before, since = item.change.before, item.change.since
    end = "; the part since is good by itself" if item.change.lasting else ""
    message = (
        f"{item.metric}: the effect changed: {_part(before)} {before.label}, "
        f"{_part(since)} {since.label}{end}"
    )
    values = {"before": before.estimate, "since": since.estimate}
    return VerdictReason(
        code="effect_changed",
        message=message,
        metric=item.metric,
        variant=item.variant,
        values=_values(item) | values,
    )


def missing_reason(item: MetricEvidence) -> VerdictReason:
    """A metric without evidence, and what is missing.

    Definition: a sentence, no method.
    """
    code = f"{item.role}_without_evidence"
    margin = "" if item.role != "guardrail" or item.margin is not None else " (no margin is set)"
    what = item.detail or "not enough data for an interval"
    message = f"{item.metric}{margin} has no evidence for {item.variant!r}: {what}"
    return VerdictReason(code=code, message=message, metric=item.metric, variant=item.variant)


def absent_reason(variant: str) -> VerdictReason:
    """A treatment that nobody has met.

    Definition: a sentence, no method.
    """
    message = f"treatment {variant!r} has no units: nothing is known of it"
    return VerdictReason(code="treatment_without_units", message=message, variant=variant)


def eta_reason(why: str) -> VerdictReason:
    """Why nothing says until when to wait.

    Definition: a sentence, no method.
    """
    return VerdictReason(code="eta_unknown", message=f"no time can be projected: {why}")


def early_reasons(progress: Progress) -> tuple[VerdictReason, ...]:
    """That it is too early for anything but harm.

    Definition: a sentence, no method.
    """
    if progress.finished:
        return ()
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
    return tuple(reasons)


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
    if progress.may_continue:
        return ()
    planned = f"of {progress.planned_n:,.0f} planned" if progress.planned else "came, none planned"
    message = (
        f"no more units are coming: {progress.n:,.0f} {planned}"
        if progress.finished
        else f"{progress.n:,.0f} units, at the maximum of {progress.last_n:,.0f}"
    )
    values = {"n": progress.n, "planned_n": progress.planned_n, "maximum_n": progress.last_n}
    return (VerdictReason(code="no_more_units", message=message, values=values),)


def _values(item: MetricEvidence) -> dict[str, float]:
    values = {"estimate": item.estimate, "ci_lower": item.ci_lower, "ci_upper": item.ci_upper}
    optional = {"mde": item.mde, "margin": item.margin}
    return values | {name: value for name, value in optional.items() if value is not None}


def _part(part: EffectPart) -> str:
    if not (math.isfinite(part.ci_lower) and math.isfinite(part.ci_upper)):
        return f"{part.estimate:+.4g}"
    return f"{part.estimate:+.4g} ({part.ci_lower:+.4g} to {part.ci_upper:+.4g})"
