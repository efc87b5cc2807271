"""Group-sequential boundaries for looks that are planned in advance.

Lan and DeMets (1983) spending functions with any information fractions, solved by the recursive
integration of Armitage, McPherson and Rowe (1969) as laid out in Jennison and Turnbull (2000),
chapter 19. Sharper than a sequence that holds at every n, but only for those looks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from neonblue.errors import InvalidInputError

Array = NDArray[np.float64]
Spending = Literal["obf", "pocock", "power", "hwang-shih-decani"]

NODES = 801
REACH = 9.0
"""How many standard deviations of the running sum the integration covers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSequentialDesign:
    """Critical z at each look, and what was spent: cumulative and nominal one-look alphas.

    One-sided: reject when z is at or above; two-sided: when abs(z) is. ``nominal_alphas`` are
    the alphas of one-look tests with those critical values.
    """

    fractions: tuple[float, ...]
    critical_values: tuple[float, ...]
    spent_alphas: tuple[float, ...]
    nominal_alphas: tuple[float, ...]
    two_sided: bool


def spent(
    fraction: ArrayLike, *, alpha: float, spending: Spending = "obf", parameter: float = 1.0
) -> Array:
    """One-sided error spent by information ``fraction`` of a total of ``alpha``.

    ``obf``: 2 - 2 Phi(z(alpha/2) / sqrt(t)); ``pocock``: alpha ln(1 + (e - 1) t); ``power``:
    alpha t^parameter (Kim and DeMets 1987); ``hwang-shih-decani``: with gamma = parameter.

    Lan and DeMets (1983): O'Brien and Fleming's and Pocock's shapes as functions of time.
    """
    t = np.minimum(np.asarray(fraction, dtype=float), 1.0)
    if spending == "obf":
        return np.asarray(2.0 * ndtr(ndtri(alpha / 2.0) / np.sqrt(t)))
    if spending == "pocock":
        return np.asarray(alpha * np.log1p((math.e - 1.0) * t))
    if spending == "power":
        return np.asarray(alpha * t**parameter)
    if spending == "hwang-shih-decani":
        if parameter == 0.0:
            return np.asarray(alpha * t)
        return np.asarray(alpha * np.expm1(-parameter * t) / math.expm1(-parameter))
    raise InvalidInputError(
        f"spending {spending!r} is not known: use obf, pocock, power or hwang-shih-decani"
    )


def spending_boundaries(
    fractions: ArrayLike,
    *,
    alpha: float = 0.025,
    spending: Spending = "obf",
    parameter: float = 1.0,
    two_sided: bool = False,
) -> GroupSequentialDesign:
    """Critical values for looks at ``fractions`` of the planned information.

    ``alpha`` is one-sided; with ``two_sided`` it is the total, half of it spent on either side,
    and crossings of either side are counted once.

    Lan and DeMets (1983): the boundary z_k solves P(first |Z| >= z_k at look k) = a(t_k) -
    a(t_{k-1}).
    """
    times = _checked(fractions, alpha)
    side = alpha / 2.0 if two_sided else alpha
    cumulative = spent(times, alpha=side, spending=spending, parameter=parameter)
    cumulative = cumulative * (2.0 if two_sided else 1.0)
    critical = solve(times, np.diff(cumulative, prepend=0.0), two_sided=two_sided)
    nominal = ndtr(-np.array(critical)) * (2.0 if two_sided else 1.0)
    return GroupSequentialDesign(
        fractions=tuple(map(float, times)),
        critical_values=critical,
        spent_alphas=tuple(map(float, cumulative)),
        nominal_alphas=tuple(map(float, nominal)),
        two_sided=two_sided,
    )


def solve(times: Array, increments: Array, *, two_sided: bool) -> tuple[float, ...]:
    """The critical value at each look that spends exactly its increment.

    Armitage, McPherson, Rowe (1969): f_k(s) = integral over the kept region of f_{k-1}(u)
    phi((s - u) / sd) / sd du, and z_k with the increment beyond it.
    """
    critical: list[float] = []
    density = _Density.at_start()
    for time, increment in zip(times, increments, strict=True):
        density = density.moved_to(float(time))
        z = density.quantile(float(increment), two_sided=two_sided)
        critical.append(z)
        density = density.kept_below(z, two_sided=two_sided)
    return tuple(critical)


def crossing_probabilities(
    fractions: ArrayLike,
    critical_values: Sequence[float],
    *,
    drift: float = 0.0,
    two_sided: bool = False,
) -> tuple[float, ...]:
    """Chance to reject for the first time at each look; ``drift`` is the mean z at fraction 1.

    Armitage, McPherson, Rowe (1969): the recursion of ``solve`` with mean = drift t.
    """
    times = _checked(fractions, 0.025)
    density, chances = _Density.at_start(drift), []
    for time, z in zip(times, critical_values, strict=True):
        density = density.moved_to(float(time))
        chances.append(density.beyond(z, two_sided=two_sided))
        density = density.kept_below(z, two_sided=two_sided)
    return tuple(chances)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Density:
    """Sub-density of the running sum, as points carrying mass, plus a normal step ahead.

    ``points`` and ``masses`` hold the law before the step of variance ``step``.
    """

    points: Array
    masses: Array
    time: float
    step: float
    drift: float

    @classmethod
    def at_start(cls, drift: float = 0.0) -> _Density:
        return cls(points=np.zeros(1), masses=np.ones(1), time=0.0, step=0.0, drift=drift)

    def moved_to(self, time: float) -> _Density:
        step = time - self.time
        moved = self.points + self.drift * step
        return _Density(points=moved, masses=self.masses, time=time, step=step, drift=self.drift)

    def beyond(self, z: float, *, two_sided: bool) -> float:
        """Chance to be at or beyond the critical value, after the step."""
        edge, sd = z * math.sqrt(self.time), math.sqrt(self.step)
        chance = ndtr((self.points - edge) / sd)
        if two_sided:
            chance = chance + ndtr((-edge - self.points) / sd)
        return float(self.masses @ chance)

    def quantile(self, target: float, *, two_sided: bool) -> float:
        """The z with ``target`` beyond it, by bisection."""
        low, high = -10.0 if not two_sided else 0.0, 40.0
        for _ in range(80):
            middle = 0.5 * (low + high)
            more = self.beyond(middle, two_sided=two_sided) > target
            low, high = (middle, high) if more else (low, middle)
        return high

    def kept_below(self, z: float, *, two_sided: bool) -> _Density:
        """The law of the sum for those that have not crossed."""
        sd, top = math.sqrt(self.step), z * math.sqrt(self.time)
        centre = self.drift * self.time
        reach = REACH * math.sqrt(self.time)
        bottom = -top if two_sided else min(centre - reach, top - reach)
        points, weights = _gauss(bottom, min(top, max(centre + reach, bottom + 1e-9)))
        gaps = (points[:, None] - self.points[None, :]) / sd
        density = np.exp(-0.5 * gaps * gaps) @ self.masses / (sd * math.sqrt(2.0 * math.pi))
        return _Density(
            points=points, masses=density * weights, time=self.time, step=0.0, drift=self.drift
        )


def _gauss(low: float, high: float) -> tuple[Array, Array]:
    """Gauss-Legendre points over panels, enough for a density that was just cut off."""
    nodes, weights = np.polynomial.legendre.leggauss(20)
    edges = np.linspace(low, high, NODES // 20 + 1)
    half = np.diff(edges) / 2.0
    points = (edges[:-1] + half)[:, None] + half[:, None] * nodes[None, :]
    return points.ravel(), (half[:, None] * weights[None, :]).ravel()


def _checked(fractions: ArrayLike, alpha: float) -> Array:
    times = np.atleast_1d(np.asarray(fractions, dtype=float))
    rising = times.size > 0 and np.all(np.isfinite(times)) and np.all(np.diff(times) > 0)
    if not (rising and times[0] > 0.0 and times[-1] <= 1.0 + 1e-9):
        raise InvalidInputError(
            f"looks {times.tolist()!r} must rise from above 0 to at most 1: "
            "give each as a fraction of the planned units"
        )
    if not 0.0 < alpha < 0.5:
        raise InvalidInputError(f"alpha {alpha!r} must lie between 0 and 0.5: 0.025 is usual")
    return times
