"""How often the sequence misses a true effect at some of 1,000 looks, where revenue is skewed.

``python -m benchmarks.coverage [--small]``. Large effects on an uncapped, skewed metric are the
hard case: the variance seen early is too small exactly when the mean is. Limits with margins on the
log scale (``stats.sequential_limits``) are the remedy; ``symmetric`` shows what they replace.
"""

from __future__ import annotations

import argparse
import math
import time

import numpy as np
from scipy.special import ndtr

from benchmarks.error_rates import (
    World,
    boundaries,
    capped_at,
    product,
    product_misses,
    revenue,
    scores,
    simulate,
)
from benchmarks.tables import markdown, write_section

BUYERS, SPREAD, LOCATION = 0.05, 1.5, 3.0
LOOKS = 1000
SPLITS = ((100_000, 100_000), (180_000, 20_000), (20_000, 180_000))
LIFTS = (-0.5, 0.2, 0.5, 2.0)


# Buyers, spread of what they spend, units of control and treatment.
TAILS = (
    (0.05, 1.5, (10_000, 10_000)),
    (0.01, 1.5, (100_000, 100_000)),
    (0.01, 1.5, (10_000, 10_000)),
    (0.05, 2.0, (100_000, 100_000)),
    (0.05, 2.0, (10_000, 10_000)),
    (0.05, 2.5, (100_000, 100_000)),
    (0.05, 2.5, (10_000, 10_000)),
)


def mean_revenue(*, cap: float, scale: float) -> float:
    """Expected capped revenue of a unit, exactly."""
    if math.isinf(cap):
        return BUYERS * scale * math.exp(LOCATION + SPREAD**2 / 2)
    edge = (math.log(cap / scale) - LOCATION) / SPREAD
    below = scale * math.exp(LOCATION + SPREAD**2 / 2) * float(ndtr(edge - SPREAD))
    return BUYERS * (below + cap * float(ndtr(-edge)))


def misses(split: tuple[int, int], lift: float, cap: float, *, runs: int, seed: int) -> list[float]:
    """Share of runs whose sequence misses at some look: absolute, relative, symmetric."""
    world = World(
        name="",
        draw=revenue(cap=cap),
        draw_treatment=revenue(cap=cap, scale=1 + lift),
        control=split[0],
        treatment=split[1],
    )
    means = mean_revenue(cap=cap, scale=1.0), mean_revenue(cap=cap, scale=1 + lift)
    return missed_in(world, means, runs=runs, seed=seed)


def missed_in(world: World, means: tuple[float, float], *, runs: int, seed: int) -> list[float]:
    """The same in any world whose true means are known."""
    truths = {False: means[1] - means[0], True: math.log(means[1] / means[0])}
    rng, chunk = np.random.default_rng(seed), 100
    missed = np.zeros(3)
    for _ in range(0, runs, chunk):
        looks = simulate(world, runs=chunk, looks=LOOKS, rng=rng)
        limit = boundaries(looks.n, planned_n=world.planned_n, smallest_share=world.smallest_share)[
            "product"
        ]
        for relative, truth in truths.items():
            outside = product_misses(looks, truth, limit, relative=relative)
            missed[int(relative)] += outside.any(axis=1).sum()
        with np.errstate(all="ignore"):
            estimate, error = product(looks, relative=False)
            symmetric = scores(estimate - truths[False], error) >= limit
        missed[2] += symmetric.any(axis=1).sum()
    return list(missed / runs)


def table(runs: int, seed: int = 61) -> str:
    """One row a split and lift; per cent missed, uncapped and capped."""
    rows = []
    for split in SPLITS:
        for lift in LIFTS:
            cells = []
            for cap in (math.inf, capped_at(0.99)):
                absolute, relative, symmetric = misses(split, lift, cap, runs=runs, seed=seed)
                cells += [f"{100 * symmetric:.1f}"] if math.isinf(cap) else []
                cells += [f"{100 * absolute:.1f}", f"{100 * relative:.1f}"]
            total = sum(split)
            rows.append(
                [f"{split[0] / total:.0%} / {split[1] / total:.0%}", f"{lift:+.0%}", *cells]
            )
    header = ["control / treatment", "true lift", "symmetric limits", "absolute", "relative"]
    return markdown([*header, "absolute, capped at p99", "relative, capped at p99"], rows)


def tail_weight(buyers: float, spread: float, units: int, rng: np.random.Generator) -> float:
    """Median over samples of |skewness| / sqrt(n): what the ``skewness`` check looks at."""
    found = []
    for _ in range(40):
        values = np.zeros(units)
        bought = rng.binomial(units, buyers)
        values[:bought] = rng.lognormal(LOCATION, spread, bought)
        centred = values - values.mean()
        found.append((centred**3).mean() / (centred**2).mean() ** 1.5 / math.sqrt(units))
    return float(np.median(found))


def tails(runs: int, seed: int = 67) -> str:
    """Heavier tails and fewer units: where even these limits give out, and the check warns."""
    rng, rows = np.random.default_rng(seed), []
    for buyers, spread, split in TAILS:
        mean = buyers * math.exp(LOCATION + spread**2 / 2)
        cells = []
        for lift in (-0.5, 2.0):
            world = World(
                name="",
                draw=revenue(buyers=buyers, spread=spread),
                draw_treatment=revenue(buyers=buyers, spread=spread, scale=1 + lift),
                control=split[0],
                treatment=split[1],
            )
            absolute, _, symmetric = missed_in(
                world, (mean, mean * (1 + lift)), runs=runs, seed=seed
            )
            cells += [f"{100 * symmetric:.1f}", f"{100 * absolute:.1f}"]
        weight = tail_weight(buyers, spread, min(split), rng)
        name = f"{buyers:.0%} buy, spread {spread:g}, {split[0]:,} a variant"
        rows.append([name, f"{weight:.2f}", *cells])
    header = ["revenue", "tail weight", "-50%: symmetric", "-50%", "+200%: symmetric", "+200%"]
    return markdown(header, rows)


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="few runs, nothing written")
    small = parser.parse_args().small
    runs = 200 if small else 2_000
    began = time.perf_counter()
    text = f"{table(runs)}\n\n{tails(runs)}"
    print(text, f"\n{time.perf_counter() - began:.0f} s")
    if not small:
        write_section("coverage", f"{runs:,} runs a row.\n\n{text}")


if __name__ == "__main__":
    main()
