"""Tuning with noisy evaluations: what is believed between the settings tried, and what to try next.

A Gaussian process over settings in the unit cube, with the known error of each evaluation. The
next setting is a Thompson draw, so that it is tried as often as it may be the best; what is
recommended is where the mean less its sd is highest, not the luckiest evaluation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neonblue.errors import InvalidInputError

Array = NDArray[np.float64]

LENGTHS = (0.2, 0.35, 0.6, 1.0)
"""Length scales that are tried, in sides of the cube."""
SPREADS = (0.25, 1.0, 4.0)
"""Variances of the surface that are tried, in variances of the values."""
CANDIDATES = 500
LOCAL_SD = 0.1
FINE_SD = 0.05
FINE_ROUNDS = 3
BEST_KEPT = 5
JITTER = 1e-10
Snap = Callable[[Array], Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """The posterior of a surface: ``points`` (n, d) in the unit cube and their weights."""

    points: Array
    level: float
    spread: float
    length: float
    weights: Array
    root: Array

    def predict(self, settings: Array) -> tuple[Array, Array]:
        """Mean and standard deviation at settings (k, d).

        Rasmussen and Williams (2006), "Gaussian Processes for Machine Learning", equations 2.25
        and 2.26, with the squared exponential kernel.
        """
        shared = self.spread * _likeness(settings, self.points, self.length)
        mean = shared @ self.weights + self.level
        solved = np.linalg.solve(self.root, shared.T)
        variance = np.maximum(self.spread - (solved**2).sum(axis=0), 0.0)
        return np.asarray(mean), np.sqrt(variance)


def fit_surface(points: Array, values: Array, errors: Array) -> Surface:
    """The surface under which values (n,) with standard errors (n,) at points (n, d) are likeliest.

    Rasmussen and Williams (2006), equation 2.30: log p(y) = -y' K^-1 y / 2 - log|K| / 2, over a
    grid of length scales and variances.
    """
    _refuse(points, values, errors)
    level, scale = float(values.mean()), float(values.var()) or float((errors**2).mean()) or 1.0
    centred, best, found = values - level, -np.inf, None
    for length in LENGTHS:
        for spread in (part * scale for part in SPREADS):
            kernel = spread * _likeness(points, points, length)
            noise = errors**2 + JITTER * scale
            root = np.asarray(np.linalg.cholesky(kernel + np.diag(noise)), dtype=np.float64)
            weights = np.linalg.solve(root.T, np.linalg.solve(root, centred))
            likelihood = -0.5 * float(centred @ weights) - float(np.log(np.diag(root)).sum())
            if likelihood > best:
                best = likelihood
                found = Surface(
                    points=points,
                    level=level,
                    spread=spread,
                    length=length,
                    weights=weights,
                    root=root,
                )
    assert found is not None
    return found


def next_setting(
    surface: Surface, values: Array, rng: np.random.Generator, snap: Snap = lambda one: one
) -> Array:
    """The setting (d,) to try next; ``snap`` moves settings to those that can be.

    Ours, after Thompson (1933): the largest of mean + sd z over random settings and settings near
    the best five, each with its own z.
    """
    settings = snap(_candidates(surface, values, CANDIDATES, rng))
    mean, sd = surface.predict(settings)
    return np.asarray(settings[int((mean + sd * rng.standard_normal(len(mean))).argmax())])


def best_setting(
    surface: Surface, values: Array, rng: np.random.Generator, snap: Snap = lambda one: one
) -> tuple[Array, float, float]:
    """The setting (d,) that is surely good, its mean and its standard deviation.

    Ours: argmax of the posterior mean less one sd, over random settings, then finer around the
    best. The mean alone would recommend places where nothing was tried and the surface only
    runs on.
    """
    settings = snap(_candidates(surface, values, 4 * CANDIDATES, rng))
    for _ in range(FINE_ROUNDS):
        mean, sd = surface.predict(settings)
        top = settings[int((mean - sd).argmax())]
        around = top + FINE_SD * rng.standard_normal((CANDIDATES, len(top)))
        settings = np.vstack([top, snap(np.clip(around, 0.0, 1.0))])
    mean, sd = surface.predict(settings)
    place = int((mean - sd).argmax())
    return np.asarray(settings[place]), float(mean[place]), float(sd[place])


def _candidates(surface: Surface, values: Array, count: int, rng: np.random.Generator) -> Array:
    """Random settings, as many near the best values, and those that were tried."""
    dimensions = surface.points.shape[1]
    kept = surface.points[np.argsort(-values)[:BEST_KEPT]]
    near = kept[rng.integers(len(kept), size=count)]
    near = np.clip(near + LOCAL_SD * rng.standard_normal((count, dimensions)), 0.0, 1.0)
    return np.vstack([rng.random((count, dimensions)), near, surface.points])


def _likeness(one: Array, other: Array, length: float) -> Array:
    gaps = ((one[:, None, :] - other[None, :, :]) ** 2).sum(axis=2)
    return np.asarray(np.exp(-0.5 * gaps / length**2))


def _refuse(points: Array, values: Array, errors: Array) -> None:
    if points.ndim != 2 or not len(points) == len(values) == len(errors) or not len(points):
        raise InvalidInputError(
            f"points {points.shape!r}, values {values.shape!r} and errors {errors.shape!r} do not "
            "fit together: give one value and one error a point"
        )
    if not (np.isfinite(values).all() and np.isfinite(errors).all() and (errors >= 0).all()):
        raise InvalidInputError("values and errors must be finite, errors 0 or more")
