"""A forest plot: the effect in each segment with its interval, beside the overall effect."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neonblue.intelligence.charts.canvas import (
    BAD,
    FAINT,
    GOOD,
    INK,
    NEUTRAL,
    literal,
    new_chart,
    png,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestRow:
    """One line of the plot. ``differs`` marks a segment that stands out from the rest."""

    label: str
    units: int
    estimate: float
    ci_lower: float
    ci_upper: float
    differs: bool = False

    @property
    def known(self) -> bool:
        """Whether there are limits to draw."""
        return math.isfinite(self.ci_lower) and math.isfinite(self.ci_upper)


def draw_forest(
    overall: ForestRow,
    rows: Sequence[ForestRow],
    *,
    title: str,
    as_percentage: bool,
    higher_is_better: bool = True,
) -> bytes:
    """PNG with the overall effect on top and at most 25 segments, largest first."""
    shown = sorted(rows, key=lambda row: -row.units)[:MOST_ROWS]
    lines = [overall, *shown]
    figure, axes = new_chart(title, height_inches=1.5 + 0.42 * len(lines))
    for position, row in enumerate(lines):
        _draw_row(axes, -position, row, higher_is_better, thick=position == 0)
    axes.axvline(0, color=INK, lw=1.2)
    axes.axvline(overall.estimate, color=FAINT, lw=1, ls="--")
    axes.set_yticks([-p for p in range(len(lines))], [_label(row) for row in lines])
    axes.set_ylim(-len(lines) + 0.4, 0.6)
    _scale(axes, as_percentage)
    return png(figure)


def _draw_row(axes: Axes, y: int, row: ForestRow, higher_is_better: bool, *, thick: bool) -> None:
    colour = _colour(row, higher_is_better)
    if row.known:
        axes.plot([row.ci_lower, row.ci_upper], [y, y], color=colour, lw=3 if thick else 1.8)
    marker = "D" if thick else "o"
    face = colour if row.known else "white"
    axes.plot([row.estimate], [y], color=colour, marker=marker, ms=9 if thick else 7, mfc=face)
    if row.differs:
        axes.annotate(
            "differs from the rest",
            (row.estimate, y),
            xytext=(0, 8),
            textcoords="offset points",
            ha="center",
            fontsize=10,
            color=colour,
        )


def _colour(row: ForestRow, higher_is_better: bool) -> str:
    if row.ci_lower <= 0 <= row.ci_upper:
        return NEUTRAL
    return GOOD if (row.ci_lower > 0) == higher_is_better else BAD


def _label(row: ForestRow) -> str:
    lacking = "" if row.known else ", too few"
    return f"{literal(row.label, longest=24)}  (n={row.units:,}{lacking})"


def _scale(axes: Axes, as_percentage: bool) -> None:
    from matplotlib.ticker import FuncFormatter

    def shown(value: float, _position: object = None) -> str:
        if value == 0:
            return "0"
        return f"{100 * value:+.1f} pp" if as_percentage else f"{value:+.3g}"

    axes.xaxis.set_major_formatter(FuncFormatter(shown))
    axes.set_xlabel("treatment − control; dashed: overall", fontsize=11, color=INK, loc="left")
