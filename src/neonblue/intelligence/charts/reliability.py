"""A reliability diagram: forecast probabilities against how often they came true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neonblue.intelligence.charts.canvas import FAINT, INK, NEUTRAL, new_chart, png


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityPoint:
    """One bin of forecasts: their mean, the share that happened, and how many they are."""

    mean_forecast: float
    share_happened: float
    forecasts: int


def draw_reliability(points: Sequence[ReliabilityPoint], *, title: str) -> bytes:
    """PNG; points on the diagonal are calibrated, their size is the number of forecasts."""
    figure, axes = new_chart(title, height_inches=6.0)
    axes.plot([0, 1], [0, 1], color=FAINT, lw=1.2, ls="--")
    most = max((point.forecasts for point in points), default=1)
    axes.scatter(
        [point.mean_forecast for point in points],
        [point.share_happened for point in points],
        s=[40 + 360 * point.forecasts / most for point in points],
        color=NEUTRAL,
        alpha=0.8,
        zorder=3,
    )
    for point in points:
        axes.annotate(
            str(point.forecasts),
            (point.mean_forecast, point.share_happened),
            xytext=(0, 14),
            textcoords="offset points",
            ha="center",
            fontsize=10,
            color=INK,
        )
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.08)
    axes.set_xlabel("forecast probability", fontsize=11, color=INK)
    axes.set_ylabel("share that happened", fontsize=11, color=INK)
    return png(figure)
