"""Power of experiments that ship only if their guardrails pass as well, each of them.

``python -m benchmarks.joint_power [--small]``. The primary metric has the effect that was planned
for, the guardrails none, and a margin that takes as many units as the primary metric does: the case
where each of them may be the last. Ships at a look where the primary p is at most alpha, every
guardrail's lower limit lies above its margin and no interval is wholly on the harmful side.
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
from neonblue.stats.sequential import ConfidenceSequence

ALPHA = 0.05
LOOKS = 20
RATE = 0.1
LIFT = 0.05
MARGIN = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """``guardrails`` are in the experiment, ``planned`` of them were told to the plan."""

    guardrails: int
    planned: int
    correlation: float = 0.0

    @property
    def plan(self) -> SamplePlan:
        """What the designer says of the primary metric."""
        return plan_sample(
            Baseline(kind="proportion", mean=RATE, sd=math.sqrt(RATE * (1.0 - RATE))),
            mde=LIFT,
            guardrails=self.planned,
        )


WORLDS: Sequence[World] = (
    World(guardrails=0, planned=0),
    World(guardrails=1, planned=0),
    World(guardrails=1, planned=1),
    World(guardrails=3, planned=0),
    World(guardrails=3, planned=3),
    World(guardrails=3, planned=3, correlation=0.5),
    World(guardrails=5, planned=0),
    World(guardrails=5, planned=5),
)


def ships(world: World, units: int, *, worlds: int, seed: int) -> int:
    """In how many worlds a look until ``units`` in total ships."""
    rng = np.random.default_rng(seed)
    each, metrics = units // 2, world.guardrails + 1
    horizon = Horizon(
        planned_n=2 * each,
        maximum_n=None,
        alpha=ALPHA,
        smallest_share=0.5,
        nonnegative=True,
        proportion=True,
    )
    came = np.linspace(0, each, LOOKS + 1).round().astype(int)
    rates = np.full((2, metrics), RATE)
    rates[1, 0] *= 1.0 + LIFT
    hits = 0
    for _ in range(worlds):
        counts = _counts(rng, np.diff(came), rates, world.correlation)
        hits += any(_ships(horizon, int(n), row) for n, row in zip(came[1:], counts, strict=True))
    return hits


def _counts(
    rng: np.random.Generator, new: np.ndarray, rates: np.ndarray, correlation: float
) -> np.ndarray:
    """Conversions so far, (looks, variants, metrics): normal, with a part that metrics share."""
    shape = (len(new), *rates.shape)
    common = rng.standard_normal((*shape[:2], 1))
    own = rng.standard_normal(shape)
    z = math.sqrt(correlation) * common + math.sqrt(1.0 - correlation) * own
    sizes = new[:, None, None]
    drawn = np.rint(sizes * rates + np.sqrt(sizes * rates * (1.0 - rates)) * z)
    return np.clip(drawn, 0, sizes).cumsum(axis=0)


def _ships(horizon: Horizon, n: int, counts: np.ndarray) -> bool:
    first = _look(horizon, n, counts[0, 0], counts[1, 0])
    if first is None or first.p_value > ALPHA or first.estimate <= 0.0:
        return False
    for control, treatment in zip(counts[0, 1:], counts[1, 1:], strict=True):
        look = _look(horizon, n, control, treatment)
        if look is None or look.ci_lower <= -MARGIN * control / n or look.ci_upper < 0.0:
            return False
    return True


def _look(horizon: Horizon, n: int, control: float, treatment: float) -> ConfidenceSequence | None:
    found = compare(_summary(n, control), _summary(n, treatment), kind="proportion")
    if isinstance(found, InsufficientData):
        return None
    look = horizon.sequence(found)
    return look if look.available else None


def _summary(n: int, count: float) -> MetricSummary:
    mean = count / n
    return MetricSummary(n=n, mean=mean, variance=mean * (1.0 - mean))


def table(worlds: int) -> str:
    """A row a world."""
    rows = []
    for index, world in enumerate(WORLDS):
        total = world.plan.sequential_total
        hits = ships(world, total, worlds=worlds, seed=70 + index)
        correlated = f", correlated {world.correlation:g}" if world.correlation else ""
        rows.append(
            [
                f"{world.guardrails}{correlated}",
                str(world.planned),
                f"{total:,}",
                share_text(hits, worlds),
            ]
        )
    return markdown(["guardrails", "told to the plan", "units watched", "ships by then, %"], rows)


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="few worlds, nothing written")
    small = parser.parse_args().small
    worlds = 50 if small else 500
    began = time.perf_counter()
    text = table(worlds)
    print(text, f"\n{time.perf_counter() - began:.0f} s")
    if not small:
        write_section("joint-power", f"{worlds:,} worlds a row, 95 % intervals.\n\n{text}")


if __name__ == "__main__":
    main()
