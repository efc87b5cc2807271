"""A metric of each variant by day, or over all units so far."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from neonblue.intelligence.charts.canvas import (
    INK,
    SMALL_POINTS,
    TEXT_POINTS,
    date_axis,
    footnote,
    literal,
    new_chart,
    png,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#486581", "#b44d12", "#147d64", "#6930c3", "#9c1f5c", "#8d6708")
MOST_VARIANTS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanPoint:
    """A variant's mean of one day, or up to it, and the reach of its interval."""

    day: date
    mean: float
    reach: float


def draw_means(
    lines: Mapping[str, Sequence[MeanPoint]],
    *,
    title: str,
    as_percentage: bool,
    notes: Sequence[str],
) -> bytes:
    """PNG with one line a variant, control first, each in the band of its intervals."""
    figure, axes = new_chart(title, height_inches=4.0)
    shown = list(lines.items())[:MOST_VARIANTS]
    for (name, points), colour in zip(shown, COLOURS, strict=False):
        _draw_line(axes, name, points, colour)
    _scale(axes, as_percentage)
    left = len(lines) - len(shown)
    more = f"; {left} more variants are not drawn" if left else ""
    footnote(figure, *notes[:-1], f"{notes[-1]}{more}")
    return png(figure)


def _draw_line(axes: Axes, name: str, points: Sequence[MeanPoint], colour: str) -> None:
    from matplotlib.dates import date2num

    times = [float(date2num(point.day)) for point in points]  # type: ignore[no-untyped-call]
    known = [point.reach if math.isfinite(point.reach) else 0.0 for point in points]
    lower = [point.mean - reach for point, reach in zip(points, known, strict=True)]
    upper = [point.mean + reach for point, reach in zip(points, known, strict=True)]
    axes.fill_between(times, lower, upper, color=colour, alpha=0.15, lw=0)
    means = [point.mean for point in points]
    axes.plot(times, means, color=colour, lw=2, marker="o", ms=3.5, label=literal(name, longest=24))


def _scale(axes: Axes, as_percentage: bool) -> None:
    from matplotlib.ticker import FuncFormatter, PercentFormatter

    date_axis(axes)
    axes.yaxis.set_major_formatter(
        PercentFormatter(xmax=1)
        if as_percentage
        else FuncFormatter(lambda value, _: f"{value:,.4g}")
    )
    axes.set_ylabel("share" if as_percentage else "mean", fontsize=TEXT_POINTS, color=INK)
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        fontsize=SMALL_POINTS,
        frameon=False,
        ncols=2,
    )
