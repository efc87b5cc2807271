"""What continuous looks cost in units: the power of a confidence sequence by first passage.

The chance that a Brownian motion with drift crosses a curved boundary before a time solves a
Volterra equation (Peskir 2002, "On integral equations arising in the first-passage problem",
eq. 1.2). Solved on a grid it gives the power of any sequence; no simulation.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri

from neonblue.stats.sequential_boundary import plan_critical_value
from neonblue.stats.sequential_mixture import (
    critical_value,
    one_sided_critical_value,
    tuned_variance,
)

SequenceMethod = Literal["plan", "mixture"]
GRID = 300


def sequential_power(
    drift: float,
    *,
    alpha: float = 0.05,
    sides: int = 2,
    until: float = 1.0,
    method: SequenceMethod = "plan",
    maximum_ratio: float = 2.0,
) -> float:
    """Chance that the sequence excludes zero at some look before ``until`` planned totals.

    ``drift`` is the expected z-value at the planned total. Crossings on the wrong side are not
    counted.

    Peskir (2002): the last value of ``crossing_curve`` with drift = E[z] at the planned total.
    """
    boundary = _boundary(alpha, sides, method, maximum_ratio)
    return float(crossing_curve(boundary, drift=drift, until=until)[-1])


def sample_size_factor(
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    sides: int = 2,
    method: SequenceMethod = "plan",
) -> float:
    """Planned total of the sequential design over that of the one-look design, same power.

    Both are tests with ``sides`` sides; the sequence is tuned to its own planned total.

    Definition: (drift_sequential / drift_fixed)^2, drift_fixed = z_power + z_(1 - alpha /
    sides).
    """
    return _factor(alpha, power, sides, method)


@lru_cache(maxsize=256)
def _factor(alpha: float, power: float, sides: int, method: SequenceMethod) -> float:
    fixed = float(ndtri(power) - ndtri(alpha / sides))

    def reached(drift: float) -> float:
        return sequential_power(drift, alpha=alpha, sides=sides, method=method)

    return (meeting(reached, power, 0.5 * fixed, 4.0 * fixed) / fixed) ** 2


def meeting(
    rising: Callable[[float], float],
    target: float,
    low: float,
    high: float,
    tolerance: float = 1e-7,
) -> float:
    """Where a rising function meets ``target``, to within ``tolerance`` of it.

    Definition: a root by regula falsi, Illinois variant.
    """
    below, above = rising(low) - target, rising(high) - target
    middle = high
    for _ in range(60):
        middle = (low * above - high * below) / (above - below)
        gap = rising(middle) - target
        if abs(gap) < tolerance:
            break
        if gap < 0.0:
            low, below, above = middle, gap, above / 2.0
        else:
            high, above, below = middle, gap, below / 2.0
    return middle


def crossing_curve(
    boundary: Callable[[np.ndarray], np.ndarray], *, drift: float, until: float = 1.0
) -> np.ndarray:
    """P(first passage <= t) on a grid of times up to ``until``, shape (GRID,).

    ``boundary`` gives the critical z at each time. The grid is geometric near 0, where boundaries
    are steep.

    Peskir (2002), eq. 1.2: P(B_t > g(t)) = integral over s <= t of P(B_t > g(t) | B_s = g(s))
    dF(s).
    """
    times = until * np.linspace(0.0, 1.0, GRID + 1)[1:] ** 2
    middles = 0.5 * (times + np.concatenate(([0.0], times[:-1])))
    level, start = boundary(times) * np.sqrt(times), boundary(middles) * np.sqrt(middles)
    beyond = ndtr((drift * times - level) / np.sqrt(times))
    gap = np.maximum(times[:, None] - middles, 1e-300)
    kernel = ndtr((drift * gap - level[:, None] + start) / np.sqrt(gap))
    passed = _forward(kernel, beyond)
    return np.asarray(np.minimum(np.cumsum(np.maximum(passed, 0.0)), 1.0))


def _forward(kernel: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Solves the lower triangle of ``kernel`` by substitution; cheaper than importing a solver."""
    found = np.zeros_like(values)
    for i in range(values.size):
        found[i] = (values[i] - kernel[i, :i] @ found[:i]) / kernel[i, i]
    return found


def _boundary(
    alpha: float, sides: int, method: SequenceMethod, maximum_ratio: float
) -> Callable[[np.ndarray], np.ndarray]:
    """Critical z as a function of time in planned totals."""
    one_sided = sides == 1
    if method == "plan":
        return lambda t: np.asarray(
            plan_critical_value(
                t, planned_n=1.0, maximum_n=maximum_ratio, alpha=alpha, one_sided=one_sided
            )
        )
    tuning = float(
        tuned_variance(planned_n=1.0, alpha=min(2.0 * alpha, 0.5) if one_sided else alpha)
    )
    if one_sided:
        return lambda t: np.asarray(one_sided_critical_value(t * tuning, alpha=alpha))
    return lambda t: np.asarray(critical_value(t * tuning, alpha=alpha))
