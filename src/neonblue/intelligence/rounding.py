"""Figures in words: rounded to what they are worth, by the width of their interval."""

from __future__ import annotations

import math

from neonblue.models import MetricKind

MOST_DECIMALS = 6
DIGITS_ALONE = 3
TWO_DIGITS_BELOW = 3.55
"""Leading digits of an uncertainty under which a second digit is worth showing (PDG rule)."""
LEAST_P = 0.0001


def decimals_for(half_width: float | None, value: float) -> int:
    """Decimals worth showing, by an interval's half-width; three digits of ``value`` without one.

    An uncertainty has two digits where they begin with 100 to 354, else one (Particle Data Group,
    Review of Particle Physics, section 5.3).
    """
    if half_width is not None and math.isfinite(half_width) and half_width > 0.0:
        power = math.floor(math.log10(half_width))
        wanted = int(half_width / 10.0**power < TWO_DIGITS_BELOW) - power
    elif value and math.isfinite(value):
        wanted = DIGITS_ALONE - 1 - math.floor(math.log10(abs(value)))
    else:
        wanted = 0
    return min(MOST_DECIMALS, max(0, wanted))


def mean_words(value: float, kind: MetricKind, decimals: int) -> str:
    """A mean: 11.7%, or 5.93. ``decimals`` are those of what is shown."""
    if kind == "proportion":
        return f"{100 * value:.{decimals}f}%"
    return f"{value:,.{decimals}f}"


def difference_words(value: float, kind: MetricKind, decimals: int, *, unit: bool = True) -> str:
    """A signed difference: +3.3 pp, or +1.56."""
    if kind == "proportion":
        return f"{_signed(100 * value, decimals)}{' pp' if unit else ''}"
    return _signed(value, decimals)


def lift_words(value: float, decimals: int) -> str:
    """A signed relative lift: +29%."""
    return f"{_signed(100 * value, decimals)}%"


def p_words(p_value: float) -> str:
    """A p-value: p < 0.0001, p = 0.003, p = 0.21."""
    if p_value < LEAST_P:
        return f"p < {LEAST_P:.4f}"
    return f"p = {p_value:.1g}" if p_value < 0.01 else f"p = {p_value:.2f}"


def _signed(value: float, decimals: int) -> str:
    shown = f"{value:+,.{decimals}f}"
    return shown[1:] if float(shown.replace(",", "")) == 0.0 else shown
