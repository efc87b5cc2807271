"""How soon a sample ratio mismatch is found when counts are watched all the time.

``python -m benchmarks.sequential_srm [--small]``: 50/50 planned, alpha .001, a look every 1,000
units, against the chi-square test looked at as often.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from scipy.special import gammaln

from benchmarks.error_rates import Array
from benchmarks.tables import markdown, write_section
from neonblue.stats.srm import CONCENTRATION, sequential_srm_test

ALPHA = 0.001
LOOK_UNITS = 1_000
CHI_SQUARE_CRITICAL = 10.827566170662733
SHARES = (0.50, 0.495, 0.49, 0.48, 0.45)


def log_bayes_factors(first: Array, second: Array) -> Array:
    """``stats.srm.sequential_srm_test`` for many 50/50 counts at once (gamma functions)."""
    half = CONCENTRATION / 2
    total = first + second
    posterior = gammaln(half + first) + gammaln(half + second) - gammaln(CONCENTRATION + total)
    prior = 2 * gammaln(half) - gammaln(CONCENTRATION)
    return np.asarray(posterior - prior + total * np.log(2.0))


def agrees_with_product(rng: np.random.Generator) -> None:
    """The shortcut above and the product's own function give one answer."""
    for _ in range(50):
        first, second = (float(count) for count in rng.integers(1, 200_000, 2))
        product = sequential_srm_test([first, second], [0.5, 0.5]).statistic
        shortcut = float(log_bayes_factors(np.array(first), np.array(second)))
        assert abs(product - shortcut) < 1e-6 * max(1.0, abs(product)), (first, second)


def paths(share: float, *, runs: int, looks: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """First-variant counts at each look, and total units; (runs, looks) and (looks,)."""
    steps = rng.binomial(LOOK_UNITS, share, (runs, looks)).astype(float)
    return np.cumsum(steps, axis=1), LOOK_UNITS * np.arange(1.0, looks + 1)


def found_at(share: float, *, runs: int, looks: int, rng: np.random.Generator) -> dict[str, Array]:
    """Units at which each test first fires (infinite where it never does)."""
    first, total = paths(share, runs=runs, looks=looks, rng=rng)
    fires = {
        "sequential": log_bayes_factors(first, total - first) >= -np.log(ALPHA),
        "chi-square": (2 * first - total) ** 2 / total >= CHI_SQUARE_CRITICAL,
    }
    return {
        name: np.where(hit.any(axis=1), total[hit.argmax(axis=1)], np.inf)
        for name, hit in fires.items()
    }


def row(share: float, *, runs: int, looks: int, rng: np.random.Generator) -> list[str]:
    """How often and how soon."""
    found = found_at(share, runs=runs, looks=looks, rng=rng)
    cells = [f"{100 * share:g} / {100 - 100 * share:g}"]
    for at in found.values():
        median = np.median(at)
        shown = f"{median:,.0f}" if np.isfinite(median) else "-"
        cells += [f"{100 * np.isfinite(at).mean():.2f} %", shown]
    return cells


def table(runs: int, looks: int = 500, seed: int = 41) -> str:
    """One row a true share; the first is the planned one."""
    rng = np.random.default_rng(seed)
    agrees_with_product(rng)
    rows = [row(share, runs=runs, looks=looks, rng=rng) for share in SHARES]
    header = ["true split", "sequential: found", "median units"]
    return markdown([*header, "chi-square, peeked: found", "median units"], rows)


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="few runs, nothing written")
    small = parser.parse_args().small
    runs = 1_000 if small else 20_000
    began = time.perf_counter()
    text = table(runs)
    print(text, f"\n{time.perf_counter() - began:.0f} s")
    if not small:
        note = f"{runs:,} runs a row, up to 500,000 units. The first row is the type-I error."
        write_section("sequential-srm", f"{note}\n\n{text}")


if __name__ == "__main__":
    main()
