"""How often a watched quantile is called different: null worlds, and a treatment that is slower.

``python -m benchmarks.sequential_quantiles [--small]``. Forty looks up to twice the plan of 10,000
units a variant; burn-in as in the product.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.tables import markdown, share_text, write_section
from neonblue.stats.quantiles import QuantileSummary
from neonblue.stats.sequential import burn_in_units
from neonblue.stats.sequential_boundary import plan_critical_value
from neonblue.stats.sequential_quantiles import quantile_ranks, quantile_sequence

PLANNED = 20_000.0
LOOKS = 40
Draw = Callable[[np.random.Generator, int], np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Values of a unit by ``draw``; the treatment's are ``slower`` times as large."""

    name: str
    quantile: float
    draw: Draw
    slower: float = 1.0


def latency(rng: np.random.Generator, n: int) -> np.ndarray:
    """Milliseconds with a long tail."""
    return rng.lognormal(5.0, 0.8, n)


def whole_seconds(rng: np.random.Generator, n: int) -> np.ndarray:
    """Few distinct values."""
    return np.floor(rng.exponential(3.0, n))


def mostly_zero(rng: np.random.Generator, n: int) -> np.ndarray:
    """Half of the units without any, the rest with a tail of infinite variance."""
    return (rng.random(n) < 0.5) * rng.pareto(1.5, n)


WORLDS: Sequence[World] = (
    World(name="latency, p50", quantile=0.5, draw=latency),
    World(name="latency, p90", quantile=0.9, draw=latency),
    World(name="latency, p99", quantile=0.99, draw=latency),
    World(name="whole seconds, p90", quantile=0.9, draw=whole_seconds),
    World(name="half zero, infinite variance, p75", quantile=0.75, draw=mostly_zero),
    World(name="latency, p90, 5 % slower", quantile=0.9, draw=latency, slower=1.05),
    World(name="latency, p90, 20 % slower", quantile=0.9, draw=latency, slower=1.2),
    World(name="latency, p90, three times", quantile=0.9, draw=latency, slower=3.0),
)


def calls(world: World, *, worlds: int, seed: int) -> tuple[int, int, list[int]]:
    """Runs called larger, called smaller, and the units at the first call of larger."""
    rng = np.random.default_rng(seed)
    sizes = np.linspace(PLANNED / LOOKS, PLANNED, LOOKS).astype(int)
    larger = smaller = 0
    units: list[int] = []
    for _ in range(worlds):
        control = world.draw(rng, sizes[-1])
        treatment = world.draw(rng, sizes[-1]) * world.slower
        ups = downs = 0
        for n in sizes:
            total = 2.0 * n
            if total < burn_in_units(PLANNED):
                continue
            critical = float(plan_critical_value(total, planned_n=PLANNED))
            found = quantile_sequence(
                summary(control[:n], world.quantile, critical),
                summary(treatment[:n], world.quantile, critical),
                critical=critical,
            )
            if found.ci_lower > 0.0 and not ups:
                ups = 1
                units.append(int(total))
            downs = max(downs, int(found.ci_upper < 0.0))
        larger, smaller = larger + ups, smaller + downs
    return larger, smaller, units


def summary(values: np.ndarray, quantile: float, critical: float) -> QuantileSummary:
    """What the store reads of one variant."""
    n = values.size
    low, high = quantile_ranks(n, quantile, critical=critical)
    wanted = np.unique(np.clip([low - 1, high - 1], 0, n - 1))
    ordered = np.partition(values, wanted)
    return QuantileSummary(
        n=float(n),
        quantile=quantile,
        estimate=float(np.quantile(values, quantile)),
        lower=float(ordered[low - 1]) if low >= 1 else -np.inf,
        upper=float(ordered[high - 1]) if high <= n else np.inf,
    )


def table(worlds: int) -> str:
    """A row a world."""
    rows = []
    for index, world in enumerate(WORLDS):
        larger, smaller, units = calls(world, worlds=worlds, seed=310 + index)
        median = f"{np.median(units):,.0f}" if units and world.slower > 1.0 else ""
        rows.append([world.name, share_text(larger, worlds), share_text(smaller, worlds), median])
    header = ["world", "called larger, %", "called smaller, %", "units when called, median"]
    return markdown(header, rows)


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="few worlds, nothing written")
    small = parser.parse_args().small
    worlds = 60 if small else 400
    began = time.perf_counter()
    text = table(worlds)
    print(text, f"\n{time.perf_counter() - began:.0f} s")
    if not small:
        write_section("sequential-quantiles", f"{worlds:,} worlds a row.\n\n{text}")


if __name__ == "__main__":
    main()
