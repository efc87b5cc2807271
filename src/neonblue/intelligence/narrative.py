"""The verdict in a sentence and the recommendations, phrased by rules from the evidence."""

from __future__ import annotations

from neonblue.intelligence.deciding import deciding
from neonblue.intelligence.evidence import Analysis

NARRATOR = "rules"


NEVER_LEFT_OUT = (
    "guardrail_without_evidence",
    "primary_without_evidence",
    "treatment_without_units",
    "effect_changed",
    "harm_suspected",
)
"""Reasons that one sentence has to hold as well."""


def summarise(analysis: Analysis) -> str:
    """One sentence: the decision, the figure behind it, and what no reader may miss."""
    decision = analysis.decision
    words = decision.decision.replace("_", " ")
    first = decision.reasons[0].detail if decision.reasons else decision.next_step
    also = [r.detail for r in decision.reasons[1:] if r.code in NEVER_LEFT_OUT]
    return f"{words}: {'; '.join(dict.fromkeys([first, *also]))}"


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
