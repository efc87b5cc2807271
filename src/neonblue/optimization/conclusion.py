"""How an experiment is concluded: by the verdict that holds at every look, never by a wish.

The analysis is a recorded look like any other, so concluding early cannot turn peeking into a win.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from neonblue.errors import ConflictError
from neonblue.experiments.moves import MoveRequest
from neonblue.intelligence.adaptive_effects import weights_moved
from neonblue.intelligence.analysis import analyze
from neonblue.optimization.loop.situation import evidence_of, primary_comparisons, z_of
from neonblue.stats.verdict_evidence import VerdictDecision

if TYPE_CHECKING:
    from neonblue.intelligence.evidence import Analysis
    from neonblue.stores import Store

CONCLUDING: frozenset[VerdictDecision] = frozenset(
    {"ship", "rollback", "no_meaningful_effect", "inconclusive"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """The request that follows from a verdict, and the figures that a person should see."""

    request: MoveRequest
    decision: VerdictDecision
    sentence: str
    figures: Mapping[str, Any]


def conclude(store: Store, experiment_id: str, *, now: datetime) -> Conclusion:
    """The conclusion that the verdict allows; the treatment wins only where it says ship.

    Raises ``ConflictError`` while the verdict is open: keep_running, review, invalid.
    """
    analysis = analyze(store, experiment_id, now=now, actor="conclude")
    decision, verdict = analysis.decision.decision, analysis.decision
    if decision not in CONCLUDING:
        raise ConflictError(
            f"experiment {experiment_id!r} cannot be concluded, its verdict is {decision}: "
            f"{verdict.next_step}. To end it without a decision call change_experiment with 'stop'"
        )
    shipped = verdict.variant if decision == "ship" else None
    winner = shipped or analysis.experiment.control.variant_id
    return Conclusion(
        request=MoveRequest(action="conclude", winner=winner),
        decision=decision,
        sentence=f"the verdict is {decision}: {verdict.next_step}",
        figures=_figures(analysis, winner),
    )


def last_figures(store: Store, experiment_id: str) -> Mapping[str, Any]:
    """The figures that the conclusion rested on, for what follows from it."""
    for change in reversed(store.experiment_history.of(experiment_id)):
        if change.action == "conclude":
            found: Mapping[str, Any] = change.details.get("figures", {})
            return found
    return {}


def _figures(analysis: Analysis, winner: str) -> Mapping[str, Any]:
    """``relative_change`` gives each metric's interval for the winner, the worse end first;
    ``evidence`` what a certificate is made from."""
    return {
        "evidence": _evidence(analysis, winner),
        "relative_change": dict(_relative_changes(analysis, winner)),
        "decision": analysis.decision.decision,
        "variant": analysis.decision.variant,
        "reasons": [reason.code for reason in analysis.decision.reasons],
        "units": analysis.look.units,
        "look": analysis.look.number,
    }


def _evidence(analysis: Analysis, winner: str) -> Mapping[str, Any] | None:
    """z and units over planned ones of the winner's best primary metric, and of how many
    comparisons that is the best; None where units do not measure information."""
    pairs = primary_comparisons(analysis.metrics)
    won = [pair for pair in pairs if pair[1].variant == winner]
    if not won or analysis.look.planned_units is None or weights_moved(analysis.validity):
        return None
    best = max(won, key=lambda pair: z_of(*pair))
    test = evidence_of(analysis.experiment, best, analysis.look.planned_units)
    return {"z": test.z, "progress": test.progress, "comparisons": len(pairs)}


def _relative_changes(analysis: Analysis, winner: str) -> Iterator[tuple[str, list[float]]]:
    for effects in analysis.metrics:
        for comparison in effects.comparisons:
            low, high = comparison.relative_ci_lower, comparison.relative_ci_upper
            if comparison.variant != winner or low is None or high is None:
                continue
            rising = effects.definition.direction == "increase"
            ends = [low, high] if rising else [-high, -low]
            if all(map(math.isfinite, ends)):
                yield comparison.metric, ends
