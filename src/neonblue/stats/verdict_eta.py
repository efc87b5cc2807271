"""When an open comparison will be settled, by the boundary that decides."""

from __future__ import annotations

import math
from collections.abc import Iterable

from neonblue.stats.sequential_boundary import plan_critical_value
from neonblue.stats.verdict_evidence import MetricEvidence, Progress

STEPS = 30
FURTHEST = 1000.0
"""How many times the plan an ETA looks ahead where there is no maximum."""


def units_needed(
    item: MetricEvidence, target: float | None, *, progress: Progress, alpha: float
) -> float | None:
    """Total units at which the interval's half-width reaches ``target``, at most the maximum.

    Without an interval or a target it is the planned number, which is what they were planned
    for. None where nothing can be projected from.

    Ours: the half-width now, over the critical value now, is the standard error that decides;
    it falls with 1 / sqrt(n) and is multiplied by ``plan_critical_value``.
    """
    if target is None or not item.available or progress.n < 1.0:
        return _planned(progress, known=item.available)
    if target <= 0.0:
        return progress.last_n if math.isfinite(progress.last_n) else None
    error = item.half_width / _critical(progress.n, progress, alpha)
    low, high = progress.n, min(progress.last_n, FURTHEST * max(progress.n, progress.planned_n))
    if not _narrow(error, high, target, progress, alpha):
        return high if progress.planned else None
    for _ in range(STEPS):
        middle = 0.5 * (low + high)
        reached = _narrow(error, middle, target, progress, alpha)
        low, high = (low, middle) if reached else (middle, high)
    return high


def days_until(needs: Iterable[float | None], progress: Progress) -> tuple[float | None, str]:
    """Days until every need is met and the minimum is over, or None and why not.

    Definition: (n needed - n) / units a day; no method.
    """
    found = list(needs)
    waits = []
    if progress.days is not None and progress.days < progress.minimum_days:
        waits.append(progress.minimum_days - progress.days)
    if None in found or (not found and not waits):
        return None, (
            "a comparison has no interval that more units would narrow, or the planned units have "
            "come"
        )
    needed = max((need for need in found if need is not None), default=0.0)
    if needed > progress.n:
        if not progress.units_per_day or progress.units_per_day <= 0.0:
            return None, "how fast units arrive is not known"
        waits.append((needed - progress.n) / progress.units_per_day)
    return max(waits, default=0.0), ""


def _planned(progress: Progress, *, known: bool) -> float | None:
    """The planned number while it lies ahead; a horizon that nobody planned only for an mde."""
    ahead = progress.n < progress.planned_n
    return progress.planned_n if ahead and (progress.planned or known) else None


def _narrow(error: float, n: float, target: float, progress: Progress, alpha: float) -> bool:
    width = _critical(n, progress, alpha) * error * (progress.n / n) ** 0.5
    return bool(width <= target)


def _critical(n: float, progress: Progress, alpha: float) -> float:
    width = plan_critical_value(
        n, planned_n=progress.planned_n, maximum_n=progress.maximum_n, alpha=alpha
    )
    return float(width)
