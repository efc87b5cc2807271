"""What the charts share: size, colours, axes without clutter, and the PNG bytes.

Drawn narrow with many dots an inch, so that text stays legible at the width of a phone; always on
white paper with an edge, which is readable in a dark client too.
"""

from __future__ import annotations

import io
from collections.abc import Callable
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
WIDTH_INCHES = 5.6
DOTS_AN_INCH = 160
TITLE_POINTS = 11.5
TEXT_POINTS = 10.5
SMALL_POINTS = 9.5
LONGEST_LINE = 52


def new_chart(title: str, *, height_inches: float) -> tuple[Figure, Axes]:
    """A figure with one axes; no pyplot, so threads share no state."""
    figure = new_figure(title, height_inches=height_inches)
    return figure, plain_axes(figure.add_subplot())


def new_figure(title: str, *, height_inches: float) -> Figure:
    """A figure with its title and nothing else."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(
        figsize=(WIDTH_INCHES, height_inches),
        dpi=DOTS_AN_INCH,
        layout="constrained",
        edgecolor=FAINT,
        linewidth=1.5,
    )
    FigureCanvasAgg(figure)
    lines = "\n".join(wrapped(title, lines=2))
    figure.suptitle(lines, x=0.02, ha="left", fontsize=TITLE_POINTS, color=INK, fontweight="bold")
    return figure


def plain_axes(axes: Axes) -> Axes:
    """The axes without a frame above and at the right."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=TEXT_POINTS, colors=INK)
    return axes


def wrapped(text: str, *, lines: int) -> list[str]:
    """The text on a few lines, none of it mathtext, and cut to fit."""
    from textwrap import wrap

    found = wrap(text, LONGEST_LINE) or [""]
    if len(found) > lines:
        found = [*found[: lines - 1], f"{found[lines - 1][: LONGEST_LINE - 1]}…"]
    return [line.replace("$", r"\$") for line in found]


def literal(text: str, *, longest: int = LONGEST_LINE) -> str:
    """Text to be drawn as it is: no mathtext, and cut to fit."""
    cut = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return cut.replace("$", r"\$")


def note(axes: Axes, *lines: str, colour: str = INK) -> None:
    """Lines under the axes, as wide as they are."""
    shown = "\n".join(literal(line, longest=LONGEST_LINE + 14) for line in lines)
    axes.set_xlabel(shown, fontsize=SMALL_POINTS, color=colour, loc="left")


def footnote(figure: Figure, *lines: str, colour: str = INK) -> None:
    """Lines at the foot of the whole figure, from its left edge."""
    shown = "\n".join(literal(line, longest=LONGEST_LINE + 14) for line in lines)
    figure.supxlabel(shown, x=0.02, ha="left", fontsize=SMALL_POINTS, color=colour)


def effect_formatter(as_percentage: bool) -> Callable[..., str]:
    """Ticks of a difference: percentage points for shares."""

    def shown(value: float, _position: object = None) -> str:
        if abs(value) < 1e-12:
            return "0"
        return f"{100 * value:+.3g} pp" if as_percentage else f"{value:+.3g}"

    return shown


def date_axis(axes: Axes) -> None:
    """Few labels along the bottom, each with its day."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=6)  # type: ignore[no-untyped-call]
    formatter = ConciseDateFormatter(  # type: ignore[no-untyped-call]
        locator,
        formats=["%Y", "%-d %b", "%-d %b", "%H:%M", "%H:%M", "%S.%f"],
        zero_formats=["", "%b %Y", "%-d %b", "%-d %b", "%H:%M", "%H:%M"],
        show_offset=False,
    )
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(formatter)


def png(figure: Figure) -> bytes:
    """The figure as PNG bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", facecolor="white", edgecolor=figure.get_edgecolor())
    return buffer.getvalue()
