"""Effects under Thompson sampling: the naive interval against the AIPW sequence.

``python -m benchmarks.adaptive_inference [--small]``: 100,000 users in 40 batches, conversion .10
against .105, a floor on each variant's share, with and without a baseline that drifts from 0.8 to
1.2 of itself.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np

from benchmarks.error_rates import Array
from benchmarks.tables import markdown, write_section
from neonblue.stats.adaptive import Batches, adaptive_sequence
from neonblue.stats.sequential_mixture import fixed_critical_value

RATES = np.array([0.10, 0.105])
USERS, BATCHES = 100_000, 40
DRAWS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How units are allocated; ``floor`` None is a fixed even split."""

    name: str
    floor: float | None
    drift: tuple[float, float] = (1.0, 1.0)


SETTINGS = (
    Setting(name="fixed 50/50", floor=None),
    Setting(name="Thompson, floor 1 %", floor=0.01),
    Setting(name="Thompson, floor 5 %", floor=0.05),
    Setting(name="Thompson, floor 10 %", floor=0.10),
    Setting(name="Thompson, floor 1 %, baseline drifts 0.8 to 1.2", floor=0.01, drift=(0.8, 1.2)),
    Setting(name="Thompson, floor 10 %, baseline drifts 0.8 to 1.2", floor=0.10, drift=(0.8, 1.2)),
)


def run(setting: Setting, rng: np.random.Generator) -> tuple[Batches, Array]:
    """One experiment, and the true effect in each batch."""
    size = USERS // BATCHES
    scale = np.linspace(*setting.drift, BATCHES)
    n, hits, chances = (np.zeros((BATCHES, 2)) for _ in range(3))
    for batch in range(BATCHES):
        chances[batch] = thompson(n.sum(axis=0), hits.sum(axis=0), setting.floor, rng)
        treated = rng.binomial(size, chances[batch, 1])
        n[batch] = size - treated, treated
        hits[batch] = rng.binomial(n[batch].astype(int), RATES * scale[batch])
    mean = hits / np.maximum(n, 1)
    variance = mean * (1 - mean) * n / np.maximum(n - 1, 1)
    batches = Batches(n=n, mean=mean, variance=variance, probability=chances)
    return batches, scale * (RATES[1] - RATES[0])


def thompson(n: Array, hits: Array, floor: float | None, rng: np.random.Generator) -> Array:
    """The chance that each variant is best, at least ``floor``."""
    if floor is None:
        return np.array([0.5, 0.5])
    draws = rng.beta(1 + hits, 1 + n - hits, (DRAWS, 2))
    best = float((draws[:, 1] > draws[:, 0]).mean())
    share = min(max(best, floor), 1 - floor)
    return np.array([1 - share, share])


def naive(batches: Batches) -> tuple[Array, Array]:
    """Difference of plain means and half-width of its one-look interval after every batch."""
    n = np.maximum(np.cumsum(batches.n, axis=0), 1.0)
    mean = np.cumsum(batches.n * batches.mean, axis=0) / n
    error = np.sqrt((mean * (1 - mean) / n).sum(axis=1))
    return mean[:, 1] - mean[:, 0], fixed_critical_value(alpha=0.05) * error


def row(setting: Setting, *, runs: int, seed: int) -> list[str]:
    """Bias at the end and coverage over all looks, naive and AIPW."""
    rng = np.random.default_rng(seed)
    results = np.array([measure(*run(setting, rng)) for _ in range(runs)])
    regret, naive_bias, naive_covers, bias, covers, last = results.mean(axis=0)
    return [
        setting.name,
        f"{regret:.0f}",
        f"{100 * naive_bias:+.0f} %",
        f"{100 * naive_covers:.1f} %",
        f"{100 * bias:+.0f} %",
        f"{100 * covers:.1f} %",
        f"{last:.4f}",
    ]


def measure(batches: Batches, effects: Array) -> tuple[float, ...]:
    """Regret, naive bias and coverage, AIPW bias and coverage, last half-width of one run."""
    units = batches.n.sum(axis=1)
    truth = np.cumsum(effects * units) / np.cumsum(units)
    path = adaptive_sequence(batches, control=0, treatment=1, planned_n=USERS)
    plain, half = naive(batches)
    regret = float((batches.n[:, 0] * effects).sum())
    return (
        regret,
        plain[-1] / truth[-1] - 1,
        float(np.all(np.abs(plain - truth) <= half)),
        path.estimate[-1] / truth[-1] - 1,
        float(np.all(np.abs(path.estimate - truth) <= path.half_width)),
        float(path.half_width[-1]),
    )


def table(runs: int) -> str:
    """One row a setting."""
    header = ["allocation", "regret, conversions", "naive bias", "naive coverage, all looks"]
    rows = [row(setting, runs=runs, seed=31 + index) for index, setting in enumerate(SETTINGS)]
    columns = [*header, "AIPW bias", "AIPW coverage, all looks", "AIPW half-width"]
    return markdown(columns, rows)


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="few runs, nothing written")
    small = parser.parse_args().small
    runs = 500 if small else 4_000
    began = time.perf_counter()
    text = table(runs)
    print(text, f"\n{time.perf_counter() - began:.0f} s")
    if not small:
        write_section("adaptive", f"{runs:,} runs a row.\n\n{text}")


if __name__ == "__main__":
    main()
