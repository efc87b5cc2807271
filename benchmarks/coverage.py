"""How often the sequence misses a true effect at some of 1,000 looks, where revenue is skewed.

``python -m benchmarks.coverage [--small]``. Large effects on an uncapped, skewed metric are the
hard case: the variance seen early is too small exactly when the mean is. Capping at a quantile
fixed before launch (``winsorize_quantile``) is the remedy.
"""

from __future__ import annotations

import argparse
import math
import time

import numpy as np
from scipy.special import ndtr

from benchmarks.error_rates import World, boundaries, capped_at, product, revenue, scores, simulate
from benchmarks.tables import markdown, write_section

BUYERS, SPREAD, LOCATION = 0.05, 1.5, 3.0
LOOKS = 1000
SPLITS = ((100_000, 100_000), (180_000, 20_000), (20_000, 180_000))
LIFTS = (-0.5, 0.2, 0.5, 2.0)


def mean_revenue(*, cap: float, scale: float) -> float:
    """Expected capped revenue of a unit, exactly."""
    if math.isinf(cap):
        return BUYERS * scale * math.exp(LOCATION + SPREAD**2 / 2)
    edge = (math.log(cap / scale) - LOCATION) / SPREAD
    below = scale * math.exp(LOCATION + SPREAD**2 / 2) * float(ndtr(edge - SPREAD))
    return BUYERS * (below + cap * float(ndtr(-edge)))


def misses(split: tuple[int, int], lift: float, cap: float, *, runs: int, seed: int) -> list[float]:
    """Share of runs whose sequence misses at some look: absolute, relative."""
    world = World(
        name="",
        draw=revenue(cap=cap),
        draw_treatment=revenue(cap=cap, scale=1 + lift),
        control=split[0],
        treatment=split[1],
    )
    control = mean_revenue(cap=cap, scale=1.0)
    treatment = mean_revenue(cap=cap, scale=1 + lift)
    truths = {False: treatment - control, True: math.log(treatment / control)}
    rng, chunk = np.random.default_rng(seed), 100
    missed = np.zeros(2)
    for _ in range(0, runs, chunk):
        looks = simulate(world, runs=chunk, looks=LOOKS, rng=rng)
        limit = boundaries(looks.n, planned_n=world.planned_n, smallest_share=world.smallest_share)[
            "product"
        ]
        for relative, truth in truths.items():
            with np.errstate(all="ignore"):
                estimate, error = product(looks, relative)
                outside = scores(estimate - truth, error) >= limit
            missed[int(relative)] += outside.any(axis=1).sum()
    return list(missed / runs)


def table(runs: int, seed: int = 61) -> str:
    """One row a split and lift; per cent missed, uncapped and capped."""
    rows = []
    for split in SPLITS:
        for lift in LIFTS:
            cells = []
            for cap in (math.inf, capped_at(0.99)):
                absolute, relative = misses(split, lift, cap, runs=runs, seed=seed)
                cells += [f"{100 * absolute:.1f}", f"{100 * relative:.1f}"]
            total = sum(split)
            rows.append(
                [f"{split[0] / total:.0%} / {split[1] / total:.0%}", f"{lift:+.0%}", *cells]
            )
    header = ["control / treatment", "true lift", "absolute", "relative"]
    return markdown([*header, "absolute, capped at p99", "relative, capped at p99"], rows)


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="few runs, nothing written")
    small = parser.parse_args().small
    runs = 200 if small else 2_000
    began = time.perf_counter()
    text = table(runs)
    print(text, f"\n{time.perf_counter() - began:.0f} s")
    if not small:
        write_section("coverage", f"{runs:,} runs a row.\n\n{text}")


if __name__ == "__main__":
    main()
