"""False successes and harms at one look after an unwatched end, in null experiments.

``python -m benchmarks.one_look [--small]``. Each row draws experiments without any effect; the
textbook calls what its own 95 % interval excludes, ours what the deciding one does. Both sides are
counted by themselves: 2.5 % is what each may have. A metric with a covariate is adjusted by it
(CUPED), a ratio is one of sums, and uploaded totals are means of which nobody knows whether a value
lies below zero.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmarks.tables import markdown, share_text, write_section
from neonblue.intelligence.horizon import Horizon
from neonblue.models import MetricSummary
from neonblue.stats.comparison import InsufficientData, compare
from neonblue.stats.moments import summary_from_values

Draw = Callable[[np.random.Generator, int], np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """``share`` of the ``units`` get the treatment; every value is drawn by ``draw``.

    ``draw`` gives values (n,), or (n, 2) with a covariate or a ratio's denominator beside them.
    """

    name: str
    kind: Literal["proportion", "mean", "ratio"]
    share: float
    units: int
    draw: Draw
    adjust: bool = False
    nonnegative: bool = True


def rate(p: float) -> Draw:
    """Conversions."""
    return lambda rng, n: (rng.random(n) < p).astype(float)


def revenue(buyers: float, spread: float) -> Draw:
    """Log-normal baskets of a few buyers."""
    return lambda rng, n: (rng.random(n) < buyers) * rng.lognormal(0.0, spread, n)


def spenders(buyers: float, spread: float) -> Draw:
    """Baskets, and what the same people spent before: their logs correlate by 0.7."""

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        level = rng.normal(0.0, np.sqrt(0.7), n)
        before, now = (level + rng.normal(0.0, np.sqrt(0.3), n) for _ in range(2))
        bought = rng.random((n, 2)) < buyers
        return np.column_stack([np.exp(spread * now), np.exp(spread * before)]) * bought

    return draw


def clicks_and_views(views: float, rate_spread: float) -> Draw:
    """Clicks of views: geometric numbers of views, each unit with a rate of its own."""

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        seen = rng.geometric(1.0 / views, n)
        rates = rng.beta(0.1 / rate_spread, 0.9 / rate_spread, n)
        return np.column_stack([rng.binomial(seen, rates), seen]).astype(float)

    return draw


def _rates(p: float, share: float, units: int) -> World:
    name = f"{100 * p:g} % convert, {100 * (1 - share):g}/{100 * share:g}, {units:,} units"
    return World(name=name, kind="proportion", share=share, units=units, draw=rate(p))


def _revenues(buyers: float, spread: float, share: float, units: int) -> World:
    split = f"{100 * (1 - share):g}/{100 * share:g}"
    name = f"revenue, {100 * buyers:g} % buy, sd {spread:g}, {split}, {units:,} units"
    return World(name=name, kind="mean", share=share, units=units, draw=revenue(buyers, spread))


WORLDS: Sequence[World] = (
    _rates(0.01, 0.01, 10_000),
    _rates(0.10, 0.005, 30_000),
    _rates(0.99, 0.05, 20_000),
    _rates(0.30, 0.20, 1_000),
    _rates(0.50, 0.50, 1_000),
    _rates(0.10, 0.50, 2_000),
    _rates(0.01, 0.50, 5_000),
    _rates(0.001, 0.10, 100_000),
    _revenues(0.02, 1.5, 0.10, 1_000),
    _revenues(0.02, 1.5, 0.10, 10_000),
    _revenues(0.02, 1.5, 0.90, 10_000),
    _revenues(0.10, 2.0, 0.10, 20_000),
    _revenues(0.05, 1.5, 0.50, 5_000),
    World(
        name="revenue with a covariate, 5 % buy, 90/10, 10,000 units",
        kind="mean",
        share=0.1,
        units=10_000,
        draw=spenders(0.05, 1.0),
        adjust=True,
    ),
    World(
        name="revenue with a covariate, 30 % buy, 50/50, 2,000 units",
        kind="mean",
        share=0.5,
        units=2_000,
        draw=spenders(0.3, 1.0),
        adjust=True,
    ),
    World(
        name="ratio, clicks of views, 90/10, 5,000 units",
        kind="ratio",
        share=0.1,
        units=5_000,
        draw=clicks_and_views(4.0, 0.5),
    ),
    World(
        name="ratio, clicks of views, 50/50, 1,000 units",
        kind="ratio",
        share=0.5,
        units=1_000,
        draw=clicks_and_views(20.0, 1.0),
    ),
    World(
        name="uploaded totals: revenue, 2 % buy, sd 1.5, 90/10, 10,000 units",
        kind="mean",
        share=0.1,
        units=10_000,
        draw=revenue(0.02, 1.5),
        nonnegative=False,
    ),
    World(
        name="uploaded totals: revenue, 2 % buy, sd 1.5, 90/10, 1,000 units",
        kind="mean",
        share=0.1,
        units=1_000,
        draw=revenue(0.02, 1.5),
        nonnegative=False,
    ),
)


def false_calls(world: World, *, worlds: int, seed: int) -> np.ndarray:
    """Counts (2, 2): textbook and ours, each success and harm."""
    rng = np.random.default_rng(seed)
    horizon = Horizon(
        planned_n=world.units,
        maximum_n=None,
        alpha=0.05,
        smallest_share=min(world.share, 1.0 - world.share),
        nonnegative=world.nonnegative,
        proportion=world.kind == "proportion",
    )
    calls = np.zeros((2, 2), dtype=int)
    for _ in range(worlds):
        treated = int(rng.binomial(world.units, world.share))
        control = _summary(world, world.draw(rng, world.units - treated))
        treatment = _summary(world, world.draw(rng, treated))
        found = compare(
            control,
            treatment,
            kind=world.kind,
            pooled_null=world.kind == "proportion",
            adjust=world.adjust,
        )
        if isinstance(found, InsufficientData):
            continue
        ours = horizon.one_look(found)
        calls[0] += found.ci_lower > 0.0, found.ci_upper < 0.0
        calls[1] += ours.ci_lower > 0.0, ours.ci_upper < 0.0
    return calls


def _summary(world: World, values: np.ndarray) -> MetricSummary:
    if world.kind == "ratio":
        return summary_from_values(values[:, 0], denominator=values[:, 1])
    if world.adjust:
        return summary_from_values(values[:, 0], covariate=values[:, 1])
    mean = float(values.mean())
    variance = mean * (1.0 - mean) if world.kind == "proportion" else float(values.var(ddof=1))
    return MetricSummary(n=len(values), mean=mean, variance=variance)


def table(worlds: int) -> str:
    """A row a world."""
    rows = []
    for index, world in enumerate(WORLDS):
        calls = false_calls(world, worlds=worlds, seed=700 + index)
        rows.append([world.name, *(share_text(int(count), worlds) for count in calls.ravel())])
    return markdown(
        [
            "null world",
            "textbook: success %",
            "textbook: harm %",
            "ours: success %",
            "ours: harm %",
        ],
        rows,
    )


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="few worlds, nothing written")
    small = parser.parse_args().small
    worlds = 200 if small else 10_000
    began = time.perf_counter()
    text = table(worlds)
    print(text, f"\n{time.perf_counter() - began:.0f} s")
    if not small:
        write_section("one-look", f"{worlds:,} worlds a row, 95 % intervals.\n\n{text}")


if __name__ == "__main__":
    main()
