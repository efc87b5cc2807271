"""Tuning three parameters with noisy evaluations: how much of the reachable gain is found.

``python -m benchmarks.tuning [--worlds N]``: a rate of conversion with one peak of random place,
widths and direction in the unit cube; 40 evaluations of 2,000 users each. Found is the true rate at
what is recommended, less that of the middle (where one stands before), over the same of the peak;
sums over worlds. ``cmaes`` is asked where it is installed: it is none of our dependencies.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.error_rates import Array
from benchmarks.tables import markdown, write_section
from neonblue.stats.response_surface import best_setting, fit_surface, next_setting

DOCUMENT = Path(__file__).parents[1] / "docs" / "tuning.md"
DIMENSIONS, EVALUATIONS, USERS = 3, 40, 2_000
BASE, RISE, FIRST = 0.085, 0.05, 2 * DIMENSIONS + 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """Rate = .085 + .05 exp(-(x - top)' shape (x - top) / 2): from .085 to .135."""

    top: Array
    shape: Array

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Peak:
        """Its place in the inner 80 %, its widths from .3 to .6 along random axes."""
        axes, _ = np.linalg.qr(rng.normal(size=(DIMENSIONS, DIMENSIONS)))
        widths = rng.uniform(0.3, 0.6, DIMENSIONS)
        return cls(top=rng.uniform(0.1, 0.9, DIMENSIONS), shape=axes @ np.diag(widths**-2) @ axes.T)

    def rate(self, setting: Array) -> float:
        """The true rate at a setting."""
        away = setting - self.top
        return BASE + RISE * float(np.exp(-0.5 * away @ self.shape @ away))

    def seen(self, setting: Array, rng: np.random.Generator) -> float:
        """The share of one batch of users that converts."""
        return float(rng.binomial(USERS, self.rate(setting)) / USERS)


def errors(values: Array) -> Array:
    """The standard errors that one knows of such shares."""
    return np.sqrt(np.maximum(values * (1 - values), 1.0 / USERS) / USERS)


def random_best(peak: Peak, rng: np.random.Generator) -> Array:
    """Random settings; the luckiest is recommended."""
    points, values = _random(peak, rng)
    return np.asarray(points[int(values.argmax())])


def random_surface(peak: Peak, rng: np.random.Generator) -> Array:
    """Random settings; the surface recommends."""
    points, values = _random(peak, rng)
    return best_setting(fit_surface(points, values, errors(values)), values, rng)[0]


def ours(peak: Peak, rng: np.random.Generator) -> Array:
    """What ``tune_parameters`` does."""
    points: list[Array] = [np.full(DIMENSIONS, 0.5)]
    values = [peak.seen(points[0], rng)]
    while len(points) < EVALUATIONS:
        if len(points) < FIRST:
            setting = rng.random(DIMENSIONS)
        else:
            known = np.array(values)
            setting = next_setting(fit_surface(np.array(points), known, errors(known)), known, rng)
        points.append(setting)
        values.append(peak.seen(setting, rng))
    known = np.array(values)
    return best_setting(fit_surface(np.array(points), known, errors(known)), known, rng)[0]


def cmaes_mean(peak: Peak, rng: np.random.Generator) -> Array:
    """CMA-ES, population 7; its mean is recommended."""
    return _cmaes(peak, rng)[0]


def cmaes_surface(peak: Peak, rng: np.random.Generator) -> Array:
    """CMA-ES asks, the surface recommends."""
    _, points, values = _cmaes(peak, rng)
    return best_setting(fit_surface(points, values, errors(values)), values, rng)[0]


def _random(peak: Peak, rng: np.random.Generator) -> tuple[Array, Array]:
    points = rng.random((EVALUATIONS, DIMENSIONS))
    return points, np.array([peak.seen(one, rng) for one in points])


def _cmaes(peak: Peak, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    from cmaes import CMA  # type: ignore[import-not-found, import-untyped, unused-ignore]

    bounds = np.array([[0.0, 1.0]] * DIMENSIONS)
    seed = int(rng.integers(2**31))
    search = CMA(mean=np.full(DIMENSIONS, 0.5), sigma=0.25, bounds=bounds, seed=seed)
    points: list[Array] = []
    values: list[float] = []
    while len(points) < EVALUATIONS:
        batch = [search.ask() for _ in range(search.population_size)]
        told = [(one, -peak.seen(one, rng)) for one in batch]
        search.tell(told)
        points += batch
        values += [-value for _, value in told]
    return np.clip(search._mean, 0, 1), np.array(points), np.array(values)


METHODS: dict[str, Callable[[Peak, np.random.Generator], Array]] = {
    "random settings, the luckiest": random_best,
    "random settings, the surface": random_surface,
    "cmaes, its mean": cmaes_mean,
    "cmaes asks, the surface recommends": cmaes_surface,
    "tune_parameters": ours,
}


def found(method: str, worlds: int) -> tuple[float, float]:
    """Share of the reachable gain and its standard error (by worlds)."""
    gains, reachable = [], []
    for number in range(worlds):
        peak = Peak.drawn(np.random.default_rng([7, number]))
        rng = np.random.default_rng([8, number])
        middle = peak.rate(np.full(DIMENSIONS, 0.5))
        gains.append(peak.rate(METHODS[method](peak, rng)) - middle)
        reachable.append(BASE + RISE - middle)
    share = sum(gains) / sum(reachable)
    rest = np.array(gains) - share * np.array(reachable)
    return share, float(rest.std() / np.sqrt(worlds) / np.mean(reachable))


def main() -> None:
    """Run, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=200)
    given = parser.parse_args()
    began, rows = time.perf_counter(), []
    for method in METHODS:
        try:
            share, error = found(method, given.worlds)
        except ModuleNotFoundError:
            rows.append([method, "not installed"])
            continue
        rows.append([method, f"{share:.3f} ± {error:.3f}"])
        print(rows[-1], flush=True)
    text = markdown(["method", "share of the reachable gain"], rows)
    print(f"{time.perf_counter() - began:.0f} s")
    write_section("tuning", f"{given.worlds} worlds a row.\n\n{text}", DOCUMENT)


if __name__ == "__main__":
    main()
