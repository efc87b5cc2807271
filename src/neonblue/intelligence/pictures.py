"""Which figures go into which chart."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from neonblue.intelligence.charts import AllocationDay, draw_allocation

if TYPE_CHECKING:
    from neonblue.intelligence.diagnosis import Diagnosis


def allocation_picture(found: Diagnosis) -> bytes:
    """The split by day against the plan, as PNG."""
    allocation = found.allocation
    days = [
        AllocationDay(
            day=date.fromisoformat(value),
            counts=dict(zip(allocation.variants, map(int, counts), strict=True)),
        )
        for value, counts in zip(allocation.by_day.values, allocation.by_day.counts, strict=True)
    ]
    shares = dict(zip(allocation.variants, map(float, allocation.shares), strict=True))
    name = found.experiment.name or found.experiment.experiment_id
    return draw_allocation(days, planned_shares=shares, title=f"{name}: share of new units by day")
