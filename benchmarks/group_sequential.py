"""The arm that ``power_curves`` compares with: boundaries for looks that are agreed on in advance.

Lan and DeMets (1983) spending functions, solved by the recursive integration of Armitage,
McPherson and Rowe (1969) as laid out in Jennison and Turnbull (2000), chapter 19. Sharper than a
sequence that holds at every n, but only for those looks; no tool offers them (ADR 0004).
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

Array = NDArray[np.float64]
Spending = Literal["obf", "pocock"]

PANELS, NODES = 40, 20
REACH = 9.0
"""How many standard deviations of the running sum the integration covers."""


def spent(fractions: Array, *, alpha: float, spending: Spending) -> Array:
    """One-sided error spent by each information fraction (k,), of a total of ``alpha``.

    Lan and DeMets (1983): O'Brien and Fleming's shape 2 - 2 Phi(z(alpha / 2) / sqrt(t)), Pocock's
    alpha ln(1 + (e - 1) t).
    """
    if spending == "obf":
        return np.asarray(2.0 * ndtr(ndtri(alpha / 2.0) / np.sqrt(fractions)))
    return np.asarray(alpha * np.log1p((math.e - 1.0) * fractions))


def spending_boundaries(fractions: ArrayLike, *, alpha: float, spending: Spending) -> Array:
    """The one-sided critical z (k,) at rising ``fractions`` of the plan, from above 0 to 1.

    Armitage, McPherson, Rowe (1969): the running sum's density after look k is the integral over
    the kept region of the one before times phi((s - u) / sd) / sd; z_k has the increment beyond.
    """
    times = np.asarray(fractions, dtype=float)
    increments = np.diff(spent(times, alpha=alpha, spending=spending), prepend=0.0)
    points, masses, before = np.zeros(1), np.ones(1), 0.0
    critical = []
    for time, increment in zip(times, increments, strict=True):
        sd = math.sqrt(time - before)
        edge = _edge(points, masses, sd, increment)
        critical.append(edge / math.sqrt(time))
        points, masses = _kept_below(edge, points, masses, sd, REACH * math.sqrt(time))
        before = time
    return np.array(critical)


def _edge(points: Array, masses: Array, sd: float, increment: float) -> float:
    """The sum with ``increment`` beyond it after the step, by bisection."""
    low, high = -10.0, 40.0
    for _ in range(80):
        middle = 0.5 * (low + high)
        beyond = float(masses @ ndtr((points - middle) / sd))
        low, high = (middle, high) if beyond > increment else (low, middle)
    return high


def _kept_below(
    edge: float, points: Array, masses: Array, sd: float, reach: float
) -> tuple[Array, Array]:
    """Points and masses of the sum for those that have not crossed: Gauss-Legendre in panels."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    panels = np.linspace(min(-reach, edge - reach), min(edge, reach), PANELS + 1)
    half = np.diff(panels)[:, None] / 2.0
    kept = (panels[:-1, None] + half * (1.0 + nodes)).ravel()
    gaps = (kept[:, None] - points[None, :]) / sd
    density = np.exp(-0.5 * gaps * gaps) @ masses / (sd * math.sqrt(2.0 * math.pi))
    return kept, density * (half * weights).ravel()
