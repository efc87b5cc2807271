"""The verdict in a sentence and the recommendations, phrased by rules from the evidence."""

from __future__ import annotations

import math

from neonblue.intelligence.deciding import Deciding, comparisons_of, deciding
from neonblue.intelligence.effect_words import (
    covariate_name,
    difference_of,
    effect_words,
    metric_name,
    sure_words,
    variant_name,
)
from neonblue.intelligence.evidence import Analysis, Reason
from neonblue.stats.verdict import NEXT_STEPS

NARRATOR = "rules"

NEVER_LEFT_OUT = (
    "guardrail_without_evidence",
    "primary_without_evidence",
    "treatment_without_units",
    "effect_changed",
    "harm_suspected",
)
"""Reasons that one sentence has to hold as well."""


HEADS = {
    "ship": "ship {variant}",
    "rollback": "stop {variant}, it does harm",
    "review": "a person has to decide about {variant}",
    "keep_running": "keep it running, nothing is decided yet",
    "no_meaningful_effect": "{variant} makes no difference that matters",
    "inconclusive": "no clear answer",
    "invalid": "invalid, read no effect from it",
}
IN_SHORT = {
    "invalid": "find the cause (diagnose_experiment), mend it, start a new version",
    "keep_running": "let it run",
    "inconclusive": "end it with the control; a larger or sharper test before trying again",
}
"""What the verdict's usual next step is to people who call no tools."""
SHOWN_BY_THE_EFFECT = ("success", "harm", "inside_mde", "not_precise_enough", "unresolved")
"""Reasons about the comparison that decides: its figures say so already."""
MOST_OTHER_VARIANTS = 3
LONGEST_WAIT_DAYS = 365


def summarise(analysis: Analysis) -> str:
    """What to forward: the decision, the effect and how sure it is, what else counts, what next.

    Names as people gave them, percentage points and relative lift, figures rounded by the width
    of their intervals.
    """
    found = deciding(analysis)
    parts = [_head(analysis, found)]
    if found is not None:
        sure = sure_words(analysis.experiment, found)
        parts += [_sentence(f"{effect_words(analysis.experiment, found)}; {sure}")]
        parts += [_adjusted(found), _others(analysis, found)]
    parts += [_sentence(why) for why in _reasons(analysis, found)]
    parts += [_expected(analysis, found), f"Next: {_next_step(analysis)}."]
    return " ".join(part for part in parts if part)


def _head(analysis: Analysis, found: Deciding | None) -> str:
    decision, experiment = analysis.decision, analysis.experiment
    variant = decision.variant or (found.comparison.variant if found else None)
    named = repr(variant_name(experiment, variant)) if variant else "it"
    said = HEADS[decision.decision].format(variant=named)
    return f"{experiment.name or experiment.experiment_id}: {said}."


def _reasons(analysis: Analysis, found: Deciding | None) -> list[str]:
    """What the figures do not say: why it is too early or invalid, and what no reader may miss."""
    key = found.key if found else None
    first, *others = analysis.decision.reasons or (None,)
    kept = [reason for reason in others if reason is not None and reason.code in NEVER_LEFT_OUT]
    if first is not None:
        own = first.code in SHOWN_BY_THE_EFFECT and (first.metric, first.variant) == key
        kept = kept if own else [first, *kept]
    held = [r for r in analysis.decision.reasons if r.code == "guardrail_passes" and r.metric]
    said = list(dict.fromkeys(_detail(reason) for reason in kept))
    if held and analysis.decision.decision == "ship":
        names = ", ".join(dict.fromkeys(metric_name(r.metric or "") for r in held))
        said.append(f"not worse by its margin: {names}")
    return said


def _detail(reason: Reason) -> str:
    """A reason for people: checks have names with underscores."""
    name, colon, rest = reason.detail.partition(":")
    return f"{metric_name(name)}{colon}{rest}" if reason.code.startswith("check") else reason.detail


def _others(analysis: Analysis, found: Deciding) -> str:
    """The other treatments on the same metric."""
    shown = [
        f"{variant_name(analysis.experiment, one.comparison.variant)!r} {difference_of(one)}"
        for one in comparisons_of(analysis)
        if one.comparison.metric == found.comparison.metric and one.key != found.key
    ]
    if not shown:
        return ""
    more = len(shown) - MOST_OTHER_VARIANTS
    tail = f" and {more} more" if more > 0 else ""
    return f"Others against control: {', '.join(shown[:MOST_OTHER_VARIANTS])}{tail}."


def _expected(analysis: Analysis, found: Deciding | None) -> str:
    if analysis.decision.decision != "ship" or found is None:
        return ""
    shrunk = found.comparison.shrunk_relative_lift
    if shrunk is None:
        return ""
    return f"Expect about {shrunk:+.0%} once everybody has it: winners are exaggerated."


def _next_step(analysis: Analysis) -> str:
    decision, experiment = analysis.decision, analysis.experiment
    usual = decision.next_step == NEXT_STEPS[decision.decision]
    said = IN_SHORT.get(decision.decision, decision.next_step) if usual else decision.next_step
    for variant in experiment.variants:
        name = variant_name(experiment, variant.variant_id)
        said = said.replace(repr(variant.variant_id), repr(name))
    return f"{said}{_wait_words(decision.eta_days)}"


def _wait_words(days: float | None) -> str:
    if not days:
        return ""
    if days > LONGEST_WAIT_DAYS:
        return "; more than a year at this pace"
    return f"; about {math.ceil(days)} more days"


def _adjusted(found: Deciding) -> str:
    if found.comparison.covariate_variance_reduction is None:
        return ""
    return f"Adjusted by {metric_name(covariate_name(found.metric))}."


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def recommend(analysis: Analysis) -> tuple[str, ...]:
    """What to do, most urgent first; every figure comes from the evidence."""
    advice = [analysis.decision.next_step]
    advice += [
        f"check {check.name}: {check.detail}"
        for check in analysis.validity.checks
        if check.status == "warn"
    ]
    if analysis.decision.decision == "ship":
        advice += _expectation(analysis)
    return tuple(advice)


def _expectation(analysis: Analysis) -> list[str]:
    found = deciding(analysis)
    if found is None or found.comparison.shrunk_relative_lift is None:
        return []
    comparison = found.comparison
    return [
        f"expect about {comparison.shrunk_relative_lift:+.1%} on {comparison.metric} after "
        f"{comparison.variant!r} is rolled out rather than the observed "
        f"{comparison.relative_lift:+.1%}: winners are exaggerated at the moment they win"
    ]
