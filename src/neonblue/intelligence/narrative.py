"""The verdict in a sentence and the recommendations, phrased by rules from the evidence."""

from __future__ import annotations

from neonblue.intelligence.evidence import Analysis, Comparison

NARRATOR = "rules"


def summarise(analysis: Analysis) -> str:
    """One sentence: the decision and the figure behind it."""
    decision = analysis.decision
    words = decision.decision.replace("_", " ")
    reason = decision.reasons[0].detail if decision.reasons else decision.next_step
    return f"{words}: {reason}"


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


def decisive(analysis: Analysis) -> Comparison | None:
    """The primary metric's comparison with the least p-value."""
    found = [
        comparison
        for effects in analysis.metrics
        if effects.definition.role == "primary"
        for comparison in effects.comparisons
    ]
    fixed = analysis.look.fixed_horizon_decides
    return min(found, key=lambda item: item.deciding_p_value(fixed=fixed), default=None)


def _expectation(analysis: Analysis) -> list[str]:
    comparison = decisive(analysis)
    if comparison is None or comparison.shrunk_relative_lift is None:
        return []
    return [
        f"expect about {comparison.shrunk_relative_lift:+.1%} after roll-out rather than the "
        f"observed {comparison.relative_lift:+.1%}: winners are exaggerated at the moment they win"
    ]
