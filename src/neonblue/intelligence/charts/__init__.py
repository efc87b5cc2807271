"""Decision charts as PNG, legible in a chat window."""

from neonblue.intelligence.charts.allocation import AllocationDay, draw_allocation
from neonblue.intelligence.charts.forest import ForestRow, draw_forest
from neonblue.intelligence.charts.sequence import SequencePoint, draw_sequence

__all__ = [
    "AllocationDay",
    "ForestRow",
    "SequencePoint",
    "draw_allocation",
    "draw_forest",
    "draw_sequence",
]
