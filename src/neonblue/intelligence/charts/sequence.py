"""The estimate over time inside its confidence sequence, against the line of no effect."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from neonblue.intelligence.charts.canvas import (
    BAD,
    FAINT,
    FILL_ALPHA,
    GOOD,
    INK,
    NEUTRAL,
    SMALL_POINTS,
    TEXT_POINTS,
    date_axis,
    effect_formatter,
    new_chart,
    note,
    png,
)
from neonblue.intelligence.rounding import decimals_for, difference_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROOM = 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class SequencePoint:
    """One look: the estimate and the limits of its interval, absolute scale; times UTC."""

    at: datetime
    units: int
    estimate: float
    ci_lower: float
    ci_upper: float

    @property
    def known(self) -> bool:
        """Whether there are limits to draw."""
        return math.isfinite(self.ci_lower) and math.isfinite(self.ci_upper)


def draw_sequence(
    points: Sequence[SequencePoint],
    *,
    title: str,
    level: float,
    as_percentage: bool,
    verdict: SequencePoint,
    decided_once: bool = False,
    higher_is_better: bool = True,
    mde: float | None = None,
) -> bytes:
    """PNG of the sequence over time with the interval that decides, ``verdict``, at its end.

    ``decided_once``: one look at the end decides and the sequence steps back. ``mde`` draws the
    absolute band that matters. Without points the interval stands alone.
    """
    figure, axes = new_chart(title, height_inches=4.0)
    colour = _colour(verdict, higher_is_better)
    if points:
        _draw_band(axes, points, FAINT if decided_once else colour, decided_once)
        date_axis(axes)
    if verdict.known:
        _draw_verdict(axes, verdict, colour)
    axes.axhline(0, color=INK, lw=1.2)
    reach = _reach(points, verdict)
    axes.set_ylim(-reach, reach)
    if not points:
        axes.set_xticks([])
    if mde:
        _draw_mde(axes, mde)
    _label(axes, verdict, colour, as_percentage, _words(level, decided_once))
    return png(figure)


def _draw_band(axes: Axes, points: Sequence[SequencePoint], shade: str, decided_once: bool) -> None:
    times = [point.at for point in points]
    lower, upper = [p.ci_lower for p in points], [p.ci_upper for p in points]
    label = "sequence, valid at every look" + (" (does not decide)" if decided_once else "")
    axes.fill_between(times, lower, upper, color=shade, alpha=FILL_ALPHA, lw=0, label=label)  # type: ignore[arg-type]
    axes.plot(times, [p.estimate for p in points], color=shade, lw=2, marker="o", ms=3.5)  # type: ignore[arg-type]


def _draw_verdict(axes: Axes, verdict: SequencePoint, colour: str) -> None:
    axes.errorbar(
        [verdict.at],  # type: ignore[arg-type]
        [verdict.estimate],
        yerr=[[verdict.estimate - verdict.ci_lower], [verdict.ci_upper - verdict.estimate]],
        color=colour,
        lw=2.6,
        capsize=6,
        capthick=2.6,
        marker="D",
        ms=7,
        label="the interval that decides",
        zorder=4,
    )


def _draw_mde(axes: Axes, mde: float) -> None:
    for bound in (-mde, mde):
        axes.axhline(bound, color=FAINT, lw=1, ls="--")
    axes.plot([], [], color=FAINT, lw=1, ls="--", label="smallest effect worth finding")


def _colour(last: SequencePoint, higher_is_better: bool) -> str:
    if not last.known or last.ci_lower <= 0 <= last.ci_upper:
        return NEUTRAL
    return GOOD if (last.ci_lower > 0) == higher_is_better else BAD


def _reach(points: Sequence[SequencePoint], verdict: SequencePoint) -> float:
    """Zoom to the later two thirds: the first looks are wide enough to flatten all else."""
    settled = [*points[len(points) // 3 :], *([verdict] if verdict.known else [])]
    most = max((max(abs(p.ci_lower), abs(p.ci_upper)) for p in settled), default=1.0)
    return ROOM * most or 1.0


def _words(level: float, decided_once: bool) -> str:
    which = "of one test at the end" if decided_once else "valid at every look"
    return f"{level:.0%} interval {which}"


def _label(axes: Axes, last: SequencePoint, colour: str, as_percentage: bool, words: str) -> None:
    from matplotlib.ticker import FuncFormatter

    axes.yaxis.set_major_formatter(FuncFormatter(effect_formatter(as_percentage)))
    axes.set_ylabel("treatment − control", fontsize=TEXT_POINTS, color=INK)
    note(axes, f"{_figures(last, as_percentage)}, {last.units:,} units", words, colour=colour)
    axes.legend(
        loc="lower right" if last.estimate > 0 else "upper right",
        frameon=False,
        fontsize=SMALL_POINTS,
    )


def _figures(last: SequencePoint, as_percentage: bool) -> str:
    kind, scale = ("proportion", 100.0) if as_percentage else ("mean", 1.0)
    half = scale * (last.ci_upper - last.ci_lower) / 2 if last.known else None
    decimals = decimals_for(half, scale * last.estimate)
    shown = [
        difference_words(value, kind, decimals, unit=place == 0)  # type: ignore[arg-type]
        for place, value in enumerate((last.estimate, last.ci_lower, last.ci_upper))
    ]
    return f"{shown[0]} ({shown[1]} to {shown[2]})" if last.known else shown[0]
