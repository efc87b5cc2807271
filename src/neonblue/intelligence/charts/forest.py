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
    SMALL_POINTS,
    effect_formatter,
    footnote,
    literal,
    new_chart,
    png,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_ROWS = 25
MOST_TALL_ROWS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestRow:
    """One line of the plot.

    ``differs`` marks a segment that stands out from the rest after the adjustment over all.
    """

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
    level: float = 0.95,
    proved: bool = False,
    higher_is_better: bool = True,
) -> bytes:
    """PNG with the overall effect on top and at most 25 segments, largest first.

    Of more than 25, those that differ are shown, then the largest. Only what its adjusted test
    shows has a colour: the overall effect where it is ``proved``, a segment where it differs from
    the rest.
    """
    kept = sorted(rows, key=lambda row: (not row.differs, -row.units))[:MOST_ROWS]
    shown = sorted(kept, key=lambda row: -row.units)
    lines = [overall, *shown]
    crowded = len(lines) > MOST_TALL_ROWS
    figure, axes = new_chart(title, height_inches=1.7 + (0.26 if crowded else 0.38) * len(lines))
    for position, row in enumerate(lines):
        apart = proved if position == 0 else row.differs
        _draw_row(axes, -position, row, _colour(row, overall, apart, higher_is_better, position))
    axes.axvline(0, color=INK, lw=1.2)
    axes.axvline(overall.estimate, color=FAINT, lw=1, ls="--")
    axes.set_yticks(
        [-p for p in range(len(lines))], [_label(row, "  " if crowded else "\n") for row in lines]
    )
    axes.tick_params(axis="y", labelsize=SMALL_POINTS)
    axes.set_ylim(-len(lines) + 0.4, 0.6)
    _scale(axes, lines, as_percentage)
    _notes(figure, len(shown), len(rows), level, any(row.differs for row in shown))
    return png(figure)


def _draw_row(axes: Axes, y: int, row: ForestRow, colour: str) -> None:
    thick = y == 0
    if row.known:
        axes.plot([row.ci_lower, row.ci_upper], [y, y], color=colour, lw=3 if thick else 1.8)
    face = colour if row.known else "white"
    marker, size = ("D", 8) if thick else ("o", 6)
    axes.plot([row.estimate], [y], color=colour, marker=marker, ms=size, mfc=face)


def _colour(
    row: ForestRow, overall: ForestRow, apart: bool, higher_is_better: bool, position: int
) -> str:
    """Green or red only for what is shown: above or below nothing, or the rest."""
    if not apart:
        return NEUTRAL
    base = 0.0 if position == 0 else overall.estimate
    return GOOD if (row.estimate > base) == higher_is_better else BAD


def _label(row: ForestRow, between: str) -> str:
    mark = " *" if row.differs else ""
    lacking = "" if row.known else ", too few"
    return f"{literal(row.label, longest=18)}{mark}{between}n = {row.units:,}{lacking}"


def _scale(axes: Axes, lines: Sequence[ForestRow], as_percentage: bool) -> None:
    """Few ticks, none over another; what is unknown does not stretch the axis."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    limits = [limit for row in lines if row.known for limit in (row.ci_lower, row.ci_upper)]
    if limits:
        low, high = min(0.0, *limits), max(0.0, *limits)
        room = 0.06 * (high - low) or 1.0
        axes.set_xlim(low - room, high + room)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(effect_formatter(as_percentage)))


def _notes(figure: Figure, shown: int, total: int, level: float, any_differs: bool) -> None:
    counted = f"all {total} segments" if shown == total else f"{shown} of {total} segments"
    apart = "* differs from the rest" if any_differs else "none differs from the rest"
    footnote(
        figure,
        f"treatment − control, {level:.0%} intervals; dashed: all units",
        f"{counted}; {apart} (adjusted)",
    )
