"""The share of units that each variant received, day by day, against the plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from neonblue.intelligence.charts.canvas import BAD, FAINT, INK, date_axis, literal, new_chart, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#486581", "#147d64", "#b44d12", "#6930c3", "#9c1f5c", "#8d6708")
TWO_SIDED_999 = 3.29


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationDay:
    """New units of one day by variant."""

    day: date
    counts: Mapping[str, int]


def draw_allocation(
    days: Sequence[AllocationDay], *, planned_shares: Mapping[str, float], title: str
) -> bytes:
    """PNG of each variant's share a day, inside the band that chance explains (99.9 %)."""
    figure, axes = new_chart(title, height_inches=4.2)
    for position, (variant, share) in enumerate(planned_shares.items()):
        _draw_variant(axes, days, variant, share, COLOURS[position % len(COLOURS)])
    _frame(axes, days, planned_shares)
    return png(figure)


def _draw_variant(
    axes: Axes, days: Sequence[AllocationDay], variant: str, share: float, colour: str
) -> None:
    from matplotlib.dates import date2num

    times = [float(date2num(day.day)) for day in days]  # type: ignore[no-untyped-call]
    totals = [max(1, sum(day.counts.values())) for day in days]
    shares = [day.counts.get(variant, 0) / total for day, total in zip(days, totals, strict=True)]
    reach = [TWO_SIDED_999 * (share * (1 - share) / total) ** 0.5 for total in totals]
    axes.fill_between(
        times, [share - r for r in reach], [share + r for r in reach], color=FAINT, alpha=0.15
    )
    axes.axhline(share, color=colour, lw=1, ls="--")
    axes.plot(times, shares, color=colour, lw=2, marker="o", ms=5, label=literal(variant))
    odd = [(t, s) for t, s, r in zip(times, shares, reach, strict=True) if abs(s - share) > r]
    if odd:
        axes.plot(*zip(*odd, strict=True), ls="", marker="X", ms=11, color=BAD)


def _frame(axes: Axes, days: Sequence[AllocationDay], planned_shares: Mapping[str, float]) -> None:
    from matplotlib.ticker import PercentFormatter

    date_axis(axes)
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    axes.set_ylabel("share of new units", fontsize=11, color=INK)
    note = "grey: what chance explains (99.9 %); red crosses lie outside; dashed: plan"
    axes.set_xlabel(note, fontsize=10.5, color=INK, loc="left")
    axes.legend(loc="upper center", fontsize=11, ncols=min(4, len(planned_shares)))
