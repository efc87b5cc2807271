"""Whether shrunken lifts of shipped experiments are as large as the true ones.

``python -m benchmarks.shrinkage [--small]``. An organisation's true log ratios come from
N(0, spread); it has so many past experiments, and now ships what is better at 2.2 standard errors.
The figure is the sum of shrunken lifts over the sum of true ones: above 1 promises too much.
Beside it, what a fixed prior of 0 ± 10 % would have said.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from benchmarks.tables import markdown, write_section
from neonblue.stats.lift_prior import learnt_prior, lift_posterior

SPREADS = (0.01, 0.03, 0.10)
PASTS = (0, 5, 50)
ERRORS = (0.012, 0.021)
SHIPPED_AT = 2.2
FIXED_SD = 0.10
EACH = 20


def calibration(
    spread: float, past: int, error: float, *, worlds: int, seed: int
) -> tuple[float, float, float, int]:
    """Shrunken over true, its standard error over worlds, the fixed prior's, and ships counted."""
    rng = np.random.default_rng(seed)
    shrunk, fixed, truth = np.zeros(worlds), np.zeros(worlds), np.zeros(worlds)
    ships = 0
    for world in range(worlds):
        seen = rng.normal(rng.normal(0.0, spread, past), error)
        prior = learnt_prior(seen, np.full(past, error))
        true = rng.normal(0.0, spread, EACH)
        estimates = rng.normal(true, error)
        for estimate, lift in zip(estimates, true, strict=True):
            if estimate <= SHIPPED_AT * error:
                continue
            ships += 1
            shrunk[world] += lift_posterior(float(estimate), error, prior=prior).mean
            fixed[world] += np.expm1(estimate * FIXED_SD**2 / (FIXED_SD**2 + error**2))
            truth[world] += np.expm1(lift)
    ratio = shrunk.sum() / truth.sum()
    spread_of_ratio = np.std(shrunk - ratio * truth) * np.sqrt(worlds) / truth.sum()
    return ratio, float(spread_of_ratio), fixed.sum() / truth.sum(), ships


def table(worlds: int) -> str:
    """A row a setting."""
    rows = []
    for error in ERRORS:
        for past in PASTS:
            for index, spread in enumerate(SPREADS):
                found = calibration(
                    spread, past, error, worlds=worlds, seed=900 + 10 * past + index
                )
                ratio, deviation, fixed, ships = found
                rows.append(
                    [
                        f"{100 * error:.1f} %",
                        past,
                        f"{100 * spread:.0f} %",
                        f"{ships:,}",
                        f"{fixed:.2f}x",
                        f"{ratio:.2f}x ± {1.96 * deviation:.2f}",
                    ]
                )
    header = ["error of a lift", "past experiments", "true spread", "ships", "0 ± 10 %", "ours"]
    return markdown(header, rows)


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="few worlds, nothing written")
    small = parser.parse_args().small
    worlds = 50 if small else 1_500
    began = time.perf_counter()
    text = table(worlds)
    print(text, f"\n{time.perf_counter() - began:.0f} s")
    if not small:
        write_section("shrinkage", f"{worlds:,} organisations a row.\n\n{text}")


if __name__ == "__main__":
    main()
