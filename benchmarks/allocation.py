"""Traffic by what earlier batches showed: regret, who leads in the end, and what is named.

``python -m benchmarks.allocation [--runs N] [--only NAME]``: 100,000 users in 40 batches, no
variant below 5 %. ``plain`` is Thompson sampling on the levels of a beta posterior, ``fixed`` an
even split, ``ours`` what is proposed by contrasts within batches. The world is stationary, or all
rates go from 0.8 to 1.2 of themselves, or each batch is scaled by a shock of sd .3.
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
from neonblue.stats.adaptive import Batches, adaptive_sequence
from neonblue.stats.allocation import (
    DRAWS,
    contrast_posterior,
    pairwise_sequences,
    top_two_shares,
    winner,
    with_floor,
)
from neonblue.stats.sequential_mixture import fixed_critical_value

DOCUMENT = Path(__file__).parents[1] / "docs" / "allocation.md"
USERS, BATCHES, FLOOR = 100_000, 40, 0.05
SIZE = USERS // BATCHES
TWO = (0.10, 0.105)
FOUR = (0.10, 0.10, 0.10, 0.105)
EQUAL = (0.10, 0.10, 0.10, 0.10)

Share = Callable[[Batches, np.random.Generator], Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Rates of conversion, control first, and what moves them all."""

    name: str
    rates: tuple[float, ...]
    drift: tuple[float, float] = (1.0, 1.0)
    shock_sd: float = 0.0

    def scales(self, rng: np.random.Generator) -> Array:
        """What each batch's rates are multiplied by."""
        shocks = 1.0 + self.shock_sd * rng.standard_normal(BATCHES)
        return np.linspace(*self.drift, BATCHES) * np.clip(shocks, 0.05, 3.0)


WORLDS = tuple(
    World(name=f"{name}, {what}", rates=rates, **moves)  # type: ignore[arg-type]
    for name, rates in (("two variants", TWO), ("four variants", FOUR), ("four equal", EQUAL))
    for what, moves in (
        ("stationary", {}),
        ("trend 0.8 to 1.2", {"drift": (0.8, 1.2)}),
        ("common shock", {"shock_sd": 0.3}),
    )
)


def fixed(batches: Batches, rng: np.random.Generator) -> Array:
    """An even split."""
    count = batches.n.shape[1]
    return np.full(count, 1.0 / count)


def plain(batches: Batches, rng: np.random.Generator) -> Array:
    """Thompson sampling on levels: the chance of being best under beta posteriors."""
    n = batches.n.sum(axis=0)
    hits = (batches.n * batches.mean).sum(axis=0)
    draws = rng.beta(1 + hits, 1 + n - hits, (DRAWS, len(n)))
    return with_floor(np.bincount(draws.argmax(axis=1), minlength=len(n)) / DRAWS, FLOOR)


def ours(batches: Batches, rng: np.random.Generator) -> Array:
    """Contrasts within batches, top two."""
    posterior = contrast_posterior(batches, planned_n=USERS)
    return top_two_shares(posterior.draws(DRAWS, rng), floor=FLOOR)


POLICIES: dict[str, Share] = {"fixed": fixed, "plain": plain, "ours": ours}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One experiment: its batches, the scales, and the shares of the batch that would come next."""

    batches: Batches
    scales: Array
    shares: Array


def run(world: World, share: Share, rng: np.random.Generator) -> Run:
    """Allocate batch by batch."""
    count, scales = len(world.rates), world.scales(rng)
    n, mean, variance, chances = (np.zeros((BATCHES, count)) for _ in range(4))
    shares = np.full(count, 1.0 / count)
    for batch in range(BATCHES):
        chances[batch] = shares
        n[batch] = rng.multinomial(SIZE, shares)
        rates = np.clip(np.array(world.rates) * scales[batch], 0.0, 1.0)
        mean[batch] = rng.binomial(n[batch].astype(int), rates) / np.maximum(n[batch], 1)
        variance[batch] = mean[batch] * (1 - mean[batch])
        shares = share(_until(n, mean, variance, chances, batch + 1), rng)
    return Run(batches=_until(n, mean, variance, chances, BATCHES), scales=scales, shares=shares)


def _until(n: Array, mean: Array, variance: Array, chances: Array, count: int) -> Batches:
    return Batches(
        n=n[:count], mean=mean[:count], variance=variance[:count], probability=chances[:count]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Regret in conversions, whether the best leads, what was named, coverage at every look."""

    regret: float
    leads: bool
    named: int | None
    covered: bool
    naive_covered: bool


def outcome(world: World, found: Run) -> Outcome:
    """What one run came to; coverage is of the last variant against control."""
    rates, batches = np.array(world.rates), found.batches
    gaps = (rates.max() - rates) * found.scales[:, None]
    last, units = len(rates) - 1, batches.n.sum(axis=1)
    effects = (rates[last] - rates[0]) * found.scales
    truth = np.cumsum(effects * units) / np.cumsum(units)
    path = adaptive_sequence(batches, control=0, treatment=last, planned_n=USERS)
    estimate, half = naive(batches, last)
    return Outcome(
        regret=float((batches.n * gaps).sum()),
        leads=bool(found.shares.argmax() == rates.argmax()),
        named=winner(pairwise_sequences(batches, planned_n=USERS)),
        covered=bool(np.all(np.abs(path.estimate - truth) <= path.half_width)),
        naive_covered=bool(np.all(np.abs(estimate - truth) <= half)),
    )


def naive(batches: Batches, treatment: int) -> tuple[Array, Array]:
    """Difference of plain means and half-width of its one-look interval after every batch."""
    n = np.maximum(np.cumsum(batches.n, axis=0), 1.0)
    mean = np.cumsum(batches.n * batches.mean, axis=0) / n
    error = mean * (1 - mean) / n
    half = fixed_critical_value(alpha=0.05) * np.sqrt(error[:, 0] + error[:, treatment])
    return mean[:, treatment] - mean[:, 0], half


def row(world: World, policy: str, *, runs: int, seed: int) -> list[str]:
    """One line of the table."""
    rng = np.random.default_rng(seed)
    found = [outcome(world, run(world, POLICIES[policy], rng)) for _ in range(runs)]
    regret = np.array([one.regret for one in found])
    best = int(np.argmax(world.rates))
    equal = len(set(world.rates)) == 1
    named = [one.named for one in found]
    return [
        world.name,
        policy,
        "–" if equal else f"{regret.mean():.1f} ± {regret.std() / runs**0.5:.1f}",
        "–" if equal else f"{np.mean([one.leads for one in found]):.3f}",
        "–" if equal else f"{np.mean([name == best for name in named]):.3f}",
        f"{np.mean([name is not None and (equal or name != best) for name in named]):.3f}",
        f"{np.mean([one.covered for one in found]):.3f}",
        f"{np.mean([one.naive_covered for one in found]):.3f}",
    ]


HEADER = [
    *("world", "policy", "regret, conversions", "best leads at the end", "winner named"),
    *("wrongly named", "AIPW coverage, all looks", "naive coverage, all looks"),
]


def main() -> None:
    """Run, and write when everything was run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2_000)
    parser.add_argument("--only", default="", help="worlds whose name contains this; not written")
    given = parser.parse_args()
    began = time.perf_counter()
    rows = [
        row(world, policy, runs=given.runs, seed=41 + 10 * index)
        for index, world in enumerate(WORLDS)
        if given.only in world.name
        for policy in POLICIES
    ]
    text = markdown(HEADER, rows)
    print(text, f"\n{time.perf_counter() - began:.0f} s")
    if not given.only:
        write_section("allocation", f"{given.runs:,} runs a row.\n\n{text}", DOCUMENT)


if __name__ == "__main__":
    main()
