"""Power of experiments of the size that ``design_experiment`` calls ``units_watched``.

``python -m benchmarks.watched_power [--small]``. One treatment has the effect that was planned for,
the others none; a look finds it when its p-value, after Holm over the treatments, is at most alpha.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.tables import markdown, share_text, write_section
from neonblue.intelligence.horizon import Horizon
from neonblue.models import MetricSummary
from neonblue.stats.comparison import InsufficientData, compare
from neonblue.stats.planning import Baseline, SamplePlan, plan_sample
from neonblue.stats.verdict_adjusted import holm

ALPHA = 0.05
LOOKS = (14, 20, 50)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Conversion ``p``, lifted by ``lift`` in the first of ``treatments``; equal shares."""

    p: float
    lift: float
    treatments: int = 1

    @property
    def plan(self) -> SamplePlan:
        """What the designer says."""
        return plan_sample(
            Baseline(kind="proportion", mean=self.p, sd=math.sqrt(self.p * (1.0 - self.p))),
            mde=self.lift,
            shares=(1.0,) * (self.treatments + 1),
            comparisons=self.treatments,
        )


WORLDS: Sequence[World] = (
    World(p=0.1, lift=0.05),
    World(p=0.01, lift=0.2),
    World(p=0.002, lift=0.3),
    World(p=0.002, lift=1.0),
    World(p=0.5, lift=-0.1),
    World(p=0.1, lift=0.1, treatments=3),
    World(p=0.002, lift=0.3, treatments=3),
    World(p=0.5, lift=0.1, treatments=7),
)


def found(world: World, units: int, *, looks: int, worlds: int, seed: int) -> int:
    """In how many worlds a look until ``units`` in total finds the effect."""
    rng = np.random.default_rng(seed)
    each = units // (world.treatments + 1)
    horizon = Horizon(
        planned_n=2 * each,
        maximum_n=None,
        alpha=ALPHA,
        smallest_share=0.5,
        nonnegative=True,
        proportion=True,
    )
    rates = [world.p, world.p * (1.0 + world.lift), *[world.p] * (world.treatments - 1)]
    came = np.unique(np.linspace(0, each, looks + 1).round().astype(int))
    hits = 0
    for _ in range(worlds):
        counts = rng.binomial(np.diff(came)[:, None], rates).cumsum(axis=0)
        hits += any(
            _finds(horizon, int(n), row, math.copysign(1.0, world.lift))
            for n, row in zip(came[1:], counts, strict=True)
        )
    return hits


def _finds(horizon: Horizon, n: int, counts: np.ndarray, good: float) -> bool:
    if n < 2:
        return False
    control, *treatments = (_summary(n, int(count)) for count in counts)
    p_values = [_p_value(horizon, control, item, good) for item in treatments]
    return holm(p_values)[0] <= ALPHA


def _p_value(
    horizon: Horizon, control: MetricSummary, treatment: MetricSummary, good: float
) -> float:
    pair = compare(control, treatment, kind="proportion", pooled_null=True)
    if isinstance(pair, InsufficientData):
        return 1.0
    look = horizon.sequence(pair)
    return look.p_value if look.available and good * look.estimate > 0.0 else 1.0


def _summary(n: int, count: int) -> MetricSummary:
    mean = count / n
    return MetricSummary(n=n, mean=mean, variance=mean * (1.0 - mean))


def table(worlds: int) -> str:
    """A row a world."""
    rows = []
    for index, world in enumerate(WORLDS):
        plan = world.plan
        shares = [
            share_text(
                found(world, plan.sequential_total, looks=looks, worlds=worlds, seed=40 + index),
                worlds,
            )
            for looks in LOOKS
        ]
        name = f"{100 * world.p:g} %, lift {world.lift:+.0%}, treatments: {world.treatments}"
        rows.append([name, f"{plan.sequential_total:,}", f"{plan.sequential_factor:.2f}", *shares])
    header = ["conversion", "units watched", "times one look"]
    return markdown([*header, *(f"power with {looks} looks, %" for looks in LOOKS)], rows)


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="few worlds, nothing written")
    small = parser.parse_args().small
    worlds = 200 if small else 4_000
    began = time.perf_counter()
    text = table(worlds)
    print(text, f"\n{time.perf_counter() - began:.0f} s")
    if not small:
        write_section("watched-power", f"{worlds:,} worlds a row, 95 % intervals.\n\n{text}")


if __name__ == "__main__":
    main()
