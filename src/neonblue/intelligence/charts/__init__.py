"""Decision charts as PNG, legible in a chat window."""

from neonblue.intelligence.charts.allocation import (
    AllocationDay,
    SplitValue,
    UnevenSplit,
    draw_allocation,
)
from neonblue.intelligence.charts.forest import ForestRow, draw_forest
from neonblue.intelligence.charts.means import MeanPoint, draw_means
from neonblue.intelligence.charts.sequence import SequencePoint, draw_sequence

__all__ = [
    "AllocationDay",
    "ForestRow",
    "MeanPoint",
    "SequencePoint",
    "SplitValue",
    "UnevenSplit",
    "draw_allocation",
    "draw_forest",
    "draw_means",
    "draw_sequence",
]
