"""Records what a look concluded, beside the look itself, for lists of experiments."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from neonblue.intelligence.deciding import leading_primary
from neonblue.intelligence.evidence import Analysis

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.verdicts import RecordedVerdict


def record_verdict(store: Store, analysis: Analysis) -> None:
    """Append the verdict where the look was recorded: a list shows nothing that no look showed."""
    if analysis.look.recorded:
        store.verdicts.append(verdict_of(analysis))


def verdict_of(analysis: Analysis) -> RecordedVerdict:
    """The verdict with the primary effect of the treatment that decides."""
    from neonblue.models.outside_text import ours
    from neonblue.stores.verdicts import RecordedVerdict

    decision, found = analysis.decision, leading_primary(analysis)
    reasons = [reason.detail for reason in decision.reasons]
    comparison = found.comparison if found else None
    return RecordedVerdict(
        experiment_id=analysis.experiment.experiment_id,
        version=analysis.experiment.version,
        looked_at=analysis.as_of,
        status=analysis.experiment.status,
        decision=decision.decision,
        validity=analysis.validity.status,
        detail=ours(reasons[0]) if reasons else "",
        eta_days=decision.eta_days,
        metric=found.metric.name if found else "",
        variant_id=comparison.variant if comparison else decision.variant or "",
        basis=found.basis if found else "",
        units=analysis.look.units,
        absolute_difference=_finite(comparison.absolute_difference) if comparison else None,
        ci_lower=_finite(found.ci_lower) if found else None,
        ci_upper=_finite(found.ci_upper) if found else None,
        relative_lift=_finite(comparison.relative_lift) if comparison else None,
        relative_ci_lower=_finite(found.relative_ci_lower) if found else None,
        relative_ci_upper=_finite(found.relative_ci_upper) if found else None,
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
