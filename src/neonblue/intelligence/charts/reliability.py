"""A reliability diagram: forecast probabilities against how often they came true."""

from __future__ import annotations

from collections.abc import Sequence

from neonblue.intelligence.charts.canvas import FAINT, INK, NEUTRAL, TEXT_POINTS, new_chart, png
from neonblue.intelligence.forecast.calibration import ReliabilityBin


def draw_reliability(points: Sequence[ReliabilityBin]) -> bytes:
    """PNG; bins on the diagonal are calibrated, their size is the number of forecasts."""
    figure, axes = new_chart("Forecasts and what happened", height_inches=4.8)
    axes.plot([0, 1], [0, 1], color=FAINT, lw=1.2, ls="--")
    most = max(point.forecasts for point in points)
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
    axes.set_xlabel("forecast probability", fontsize=TEXT_POINTS, color=INK)
    axes.set_ylabel("share that happened", fontsize=TEXT_POINTS, color=INK)
    return png(figure)
