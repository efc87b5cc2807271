"""The estimate over time inside its confidence sequence, against the line of no effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from neonblue.intelligence.charts.canvas import (
    BAD,
    FAINT,
    FILL_ALPHA,
    GOOD,
    INK,
    NEUTRAL,
    date_axis,
    literal,
    new_chart,
    png,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True, kw_only=True)
class SequencePoint:
    """One look: the estimate and the limits of its confidence sequence, absolute scale."""

    at: datetime
    units: int
    estimate: float
    ci_lower: float
    ci_upper: float


def draw_sequence(
    points: Sequence[SequencePoint],
    *,
    title: str,
    level: float,
    as_percentage: bool,
    higher_is_better: bool = True,
    mde: float | None = None,
    verdict_interval: tuple[float, float, float] | None = None,
) -> bytes:
    """PNG of the sequence over time; ``mde`` draws the absolute band that matters.

    ``verdict_interval`` (lower limit, estimate, upper limit) is drawn at the end where another
    interval than the sequence's decided; the sequence then steps back.
    """
    figure, axes = new_chart(title, height_inches=4.4)
    last = _decided(points[-1], verdict_interval)
    colour = _colour(last, higher_is_better)
    shade = colour if verdict_interval is None else FAINT
    times = [point.at for point in points]
    lower, upper = [p.ci_lower for p in points], [p.ci_upper for p in points]
    band = f"{level:.0%} confidence sequence, valid at every look"
    band += "" if verdict_interval is None else " (does not decide)"
    axes.fill_between(times, lower, upper, color=shade, alpha=FILL_ALPHA, label=band)  # type: ignore[arg-type]
    axes.plot(times, [p.estimate for p in points], color=shade, lw=2, marker="o", ms=4)  # type: ignore[arg-type]
    if verdict_interval is not None:
        _draw_verdict(axes, last, colour, f"{level:.0%} interval of one look at the end: decides")
    axes.axhline(0, color=INK, lw=1.2)
    _frame(axes, points)
    if mde:
        for bound in (-mde, mde):
            axes.axhline(bound, color=FAINT, lw=1, ls="--")
        axes.plot([], [], color=FAINT, lw=1, ls="--", label="smallest effect worth finding")
    _label(axes, last, colour, as_percentage)
    return png(figure)


def _decided(
    last: SequencePoint, verdict_interval: tuple[float, float, float] | None
) -> SequencePoint:
    """The last look with the limits that decide."""
    if verdict_interval is None:
        return last
    lower, estimate, upper = verdict_interval
    return replace(last, estimate=estimate, ci_lower=lower, ci_upper=upper)


def _draw_verdict(axes: Axes, last: SequencePoint, colour: str, label: str) -> None:
    reach = [[last.estimate - last.ci_lower], [last.ci_upper - last.estimate]]
    axes.errorbar(
        [last.at],  # type: ignore[arg-type]
        [last.estimate],
        yerr=reach,
        color=colour,
        lw=3,
        capsize=7,
        capthick=3,
        marker="D",
        ms=8,
        label=label,
        zorder=4,
    )


def _colour(last: SequencePoint, higher_is_better: bool) -> str:
    if last.ci_lower <= 0 <= last.ci_upper:
        return NEUTRAL
    return GOOD if (last.ci_lower > 0) == higher_is_better else BAD


def _frame(axes: Axes, points: Sequence[SequencePoint]) -> None:
    """Zoom to the later two thirds: the first looks are wide enough to flatten all else."""
    settled = points[len(points) // 3 :]
    reach = max(max(abs(p.ci_lower), abs(p.ci_upper)) for p in settled) * 1.15
    axes.set_ylim(-reach, reach)


def _label(axes: Axes, last: SequencePoint, colour: str, as_percentage: bool) -> None:
    from matplotlib.ticker import FuncFormatter

    def shown(value: float, _position: object = None) -> str:
        if value == 0:
            return "0"
        return f"{100 * value:+.2f} pp" if as_percentage else f"{value:+.3g}"

    date_axis(axes)
    axes.yaxis.set_major_formatter(FuncFormatter(shown))
    axes.set_ylabel("treatment − control", fontsize=11, color=INK)
    text = f"{shown(last.estimate)}  ({shown(last.ci_lower)} to {shown(last.ci_upper)})"
    axes.set_xlabel(
        literal(f"now: {text}, {last.units:,} units"), fontsize=11.5, color=colour, loc="left"
    )
    axes.legend(
        loc="lower right" if last.estimate > 0 else "upper right", frameon=False, fontsize=10
    )
