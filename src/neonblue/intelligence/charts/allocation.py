"""How far the split is from the plan, from the first day to the last, and where it is off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from typing import TYPE_CHECKING

from neonblue.intelligence.charts.canvas import (
    BAD,
    FAINT,
    INK,
    NEUTRAL,
    SMALL_POINTS,
    TEXT_POINTS,
    date_axis,
    effect_formatter,
    literal,
    new_figure,
    note,
    plain_axes,
    png,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#1f5f99", "#b44d12", "#6930c3", "#147d64", "#8d6708", "#486581")
TWO_SIDED_999 = 3.29
MOST_VALUES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationDay:
    """New units of one day by variant."""

    day: date
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitValue:
    """Units of one value of a property, and a variant's share of them; ``guilty``: it is off."""

    label: str
    units: int
    share: float
    guilty: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UnevenSplit:
    """Where a split is off: a ``variant``'s planned share and its share by value of a property."""

    dimension: str
    variant: str
    planned_share: float
    values: Sequence[SplitValue]


def draw_allocation(
    days: Sequence[AllocationDay],
    *,
    planned_shares: Mapping[str, float],
    title: str,
    uneven: UnevenSplit | None = None,
    uneven_days: Sequence[date] = (),
) -> bytes:
    """PNG of each treatment's share of all units so far, less the plan, in its 99.9 % band.

    The first variant is the control; of two, one line says all. ``uneven`` adds the property of
    which some values are off, ``uneven_days`` shades the days that are.
    """
    rows = min(MOST_VALUES, len(uneven.values)) if uneven else 0
    figure = new_figure(title, height_inches=3.9 + (1.0 + 0.3 * rows if rows else 0.0))
    heights = [3.0, 0.5 + 0.3 * rows] if rows else [1.0]
    panels = figure.subplots(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    _draw_days(plain_axes(panels[0]), days, planned_shares, uneven_days)
    if uneven is not None and rows:
        _draw_values(plain_axes(panels[1]), uneven)
    return png(figure)


def _draw_days(
    axes: Axes,
    days: Sequence[AllocationDay],
    planned_shares: Mapping[str, float],
    uneven_days: Sequence[date],
) -> None:
    from matplotlib.dates import date2num
    from matplotlib.ticker import FuncFormatter

    times = [float(date2num(day.day)) for day in days]  # type: ignore[no-untyped-call]
    for day in uneven_days:
        place = float(date2num(day))  # type: ignore[no-untyped-call]
        axes.axvspan(place - 0.5, place + 0.5, color=BAD, alpha=0.1, lw=0)
    # Of two variants the other's line would be the mirror image.
    drawn = list(planned_shares)[1:] if len(planned_shares) > 1 else list(planned_shares)
    totals = list(accumulate(sum(day.counts.values()) for day in days))
    for share in {planned_shares[variant] for variant in drawn}:
        reach = [_reach(share, total) for total in totals]
        axes.fill_between(times, [-r for r in reach], reach, color=FAINT, alpha=0.2, lw=0)
    for variant, colour in zip(drawn, COLOURS * len(drawn), strict=False):
        _draw_variant(axes, times, days, (variant, planned_shares[variant]), colour)
    axes.axhline(0, color=INK, lw=1.2, ls="--")
    date_axis(axes)
    axes.yaxis.set_major_formatter(FuncFormatter(effect_formatter(as_percentage=True)))
    axes.set_ylabel("share so far − plan", fontsize=TEXT_POINTS, color=INK)
    shaded = ("red days are off by themselves",) if uneven_days else ()
    note(axes, "band: what chance explains at one look (99.9%); X lies outside", *shaded)
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        fontsize=SMALL_POINTS,
        frameon=False,
        ncols=min(2, len(drawn)),
    )


def _draw_variant(
    axes: Axes,
    times: Sequence[float],
    days: Sequence[AllocationDay],
    planned: tuple[str, float],
    colour: str,
) -> None:
    variant, share = planned
    totals = list(accumulate(sum(day.counts.values()) for day in days))
    own = list(accumulate(day.counts.get(variant, 0) for day in days))
    gaps = [count / max(1, total) - share for count, total in zip(own, totals, strict=True)]
    reach = [_reach(share, total) for total in totals]
    label = literal(f"{variant} ({share:.1%} planned)", longest=34)
    axes.plot(times, gaps, color=colour, lw=2, marker="o", ms=4, label=label)
    odd = [(t, g) for t, g, r in zip(times, gaps, reach, strict=True) if abs(g) > r]
    if odd:
        axes.plot(*zip(*odd, strict=True), ls="", marker="X", ms=8, color=BAD)
    later = range(len(gaps) // 4, len(gaps))
    room = 1.25 * max(max(reach[place], abs(gaps[place])) for place in later)
    low, high = axes.get_ylim() if axes.lines[:-2] else (0.0, 0.0)
    axes.set_ylim(min(low, -room), max(high, room))


def _draw_values(axes: Axes, uneven: UnevenSplit) -> None:
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    shown = sorted(uneven.values, key=lambda value: (not value.guilty, -value.units))
    shown = shown[:MOST_VALUES]
    for place, value in enumerate(shown):
        colour, reach = BAD if value.guilty else NEUTRAL, _reach(value.share, value.units)
        axes.plot([value.share - reach, value.share + reach], [-place, -place], color=colour, lw=2)
        axes.plot([value.share], [-place], color=colour, marker="o", ms=6)
    axes.axvline(uneven.planned_share, color=INK, lw=1.2, ls="--")
    labels = [f"{literal(v.label or '(none)', longest=18)}  n = {v.units:,}" for v in shown]
    axes.set_yticks([-place for place in range(len(shown))], labels)
    axes.tick_params(axis="y", labelsize=SMALL_POINTS)
    axes.set_ylim(-len(shown) + 0.4, 0.6)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(PercentFormatter(xmax=1))
    left = len(uneven.values) - len(shown)
    more = f"; {left} more values fit" if left else ""
    note(axes, f"share of {uneven.variant} by {uneven.dimension}; red is off{more}")


def _reach(share: float, units: float) -> float:
    """How far a share may be from the plan by chance, 99.9 % of the time."""
    return float(TWO_SIDED_999 * (max(0.0, share * (1 - share)) / max(1.0, units)) ** 0.5)
