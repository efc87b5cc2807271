"""What the charts share: size, colours, axes without clutter, and the PNG bytes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1f2933"
FAINT = "#9aa5b1"
NEUTRAL = "#486581"
GOOD = "#147d64"
BAD = "#ba2525"
FILL_ALPHA = 0.18
WIDTH_INCHES = 8.0
DOTS_AN_INCH = 110


def new_chart(title: str, *, height_inches: float) -> tuple[Figure, Axes]:
    """A figure with one axes; no pyplot, so threads share no state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_INCHES, height_inches), dpi=DOTS_AN_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(literal(title), loc="left", fontsize=13, color=INK, fontweight="bold")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=11, colors=INK)
    return figure, axes


def literal(text: str, *, longest: int = 70) -> str:
    """Text to be drawn as it is: no mathtext, and cut to fit."""
    cut = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return cut.replace("$", r"\$")


def date_axis(axes: Axes) -> None:
    """Few, short date labels along the bottom."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def png(figure: Figure) -> bytes:
    """The figure as PNG bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", facecolor="white")
    return buffer.getvalue()
