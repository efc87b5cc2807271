"""Segments that are confirmed although a treatment works alike for everybody.

``python -m benchmarks.segments_of_noise [--small]``. Properties are noise and the effect is the
same everywhere; a world is false when any segment is confirmed, by the search over one half of the
units (``discover_segments``) or by the plain breakdown (``segment_by``) by one of the properties.
The last rows have a segment in which the treatment works and count where it is found.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.tables import markdown, share_text, write_section
from neonblue.behavior.discovery import SegmentUnits, confirm, find_candidates
from neonblue.intelligence.horizon import Horizon
from neonblue.intelligence.segments import judged
from neonblue.models import MetricSummary
from neonblue.stats.multiplicity import adjusted_p_values
from neonblue.stats.segments import segment_effects, stacked
from neonblue.stats.sequential_time import UnitInformation

DOCUMENT = Path(__file__).parents[1] / "docs" / "statistics-segments.md"
VALUES = (2, 2, 3, 4, 6, 8)
"""How many values the properties have; the first one's share falls with each."""
Draw = Callable[[np.random.Generator, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """``draw(rng, treated, special)`` gives outcomes; ``special`` units are p0's rarer value."""

    name: str
    draw: Draw
    share: float = 0.5
    units: int = 20_000
    proportion: bool = True
    null: bool = True


def rates(control: float, treatment: float, lifted: float | None = None) -> Draw:
    """Conversions; ``lifted`` is the treatment's rate among special units."""

    def draw(rng: np.random.Generator, treated: np.ndarray, special: np.ndarray) -> np.ndarray:
        p = np.where(treated, treatment, control)
        p = p if lifted is None else np.where(treated & special, lifted, p)
        return (rng.random(treated.size) < p).astype(float)

    return draw


def revenue(buyers: float, spread: float, lift: float, lifted: float | None = None) -> Draw:
    """Log-normal baskets of a few buyers; the treatment sells ``lift`` more to each."""

    def draw(rng: np.random.Generator, treated: np.ndarray, special: np.ndarray) -> np.ndarray:
        size = np.where(treated, 1.0 + lift, 1.0)
        size = size if lifted is None else np.where(treated & special, 1.0 + lifted, size)
        baskets = size * rng.lognormal(0.0, spread, treated.size)
        return np.where(rng.random(treated.size) < buyers, baskets, 0.0)

    return draw


WORLDS: Sequence[World] = (
    World(name="10 % both, 50/50", draw=rates(0.10, 0.10)),
    World(name="5 % both, 90/10", draw=rates(0.05, 0.05), share=0.1),
    World(name="2 % both, 90/10, 5,000 units", draw=rates(0.02, 0.02), share=0.1, units=5_000),
    World(name="1 % → 3 %, 50/50", draw=rates(0.01, 0.03)),
    World(name="1 % → 2 %, 50/50", draw=rates(0.01, 0.02)),
    World(name="0.5 % → 1 %, 50/50", draw=rates(0.005, 0.01)),
    World(name="1 % → 3 %, 10/90", draw=rates(0.01, 0.03), share=0.9),
    World(name="99 % → 99.5 %, 80/20", draw=rates(0.99, 0.995), share=0.2),
    World(name="revenue, 5 % buy, sd 1.5, 50/50", draw=revenue(0.05, 1.5, 0.0), proportion=False),
    World(
        name="revenue, 5 % buy, sd 1.5, +50 %, 90/10",
        draw=revenue(0.05, 1.5, 0.5),
        share=0.1,
        proportion=False,
    ),
    World(name="revenue, 2 % buy, sd 2, 50/50", draw=revenue(0.02, 2.0, 0.0), proportion=False),
    World(name="30 % → 33 %, 50/50", draw=rates(0.30, 0.33)),
    World(name="found: 10 % → 10 %, special 14 %", draw=rates(0.1, 0.1, 0.14), null=False),
    World(name="found: 30 % → 30 %, special 36 %", draw=rates(0.3, 0.3, 0.36), null=False),
    World(
        name="found: revenue, 30 % buy, sd 1, special +50 %",
        draw=revenue(0.3, 1.0, 0.0, 0.5),
        proportion=False,
        null=False,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One world's units: property values as numbers (n, properties)."""

    properties: np.ndarray
    treated: np.ndarray
    outcome: np.ndarray


def sample(world: World, rng: np.random.Generator) -> Sample:
    """Draw the units."""
    n = world.units
    columns = [rng.choice(k, n, p=_shares(k)) for k in VALUES]
    treated = rng.random(n) < world.share
    outcome = world.draw(rng, treated, columns[0] == 1)
    return Sample(properties=np.column_stack(columns), treated=treated, outcome=outcome)


def _shares(k: int) -> np.ndarray:
    weights = 1.0 / np.arange(1, k + 1)
    return np.asarray(weights / weights.sum())


def searched(world: World, drawn: Sample, *, seed: int) -> list[str]:
    """What ``discover_segments`` confirms."""
    units = SegmentUnits(
        properties=[
            {f"p{i}": f"v{value}" for i, value in enumerate(row)} for row in drawn.properties
        ],
        treated=drawn.treated,
        outcome=drawn.outcome,
        exposed_order=np.arange(drawn.treated.size),
    )
    (segments,) = confirm([(units, find_candidates(units, seed=seed))])
    return [one.description for one in segments if one.confirmed]


def broken_down(world: World, drawn: Sample) -> bool:
    """Whether a breakdown by the last property, at a declared end, names a segment."""
    horizon = Horizon(
        planned_n=world.units,
        maximum_n=None,
        alpha=0.05,
        smallest_share=min(world.share, 1.0 - world.share),
        nonnegative=True,
        proportion=world.proportion,
    )
    column, sides = drawn.properties[:, -1], []
    for side in (~drawn.treated, drawn.treated):
        parts = [drawn.outcome[side & (column == value)] for value in range(VALUES[-1])]
        sides.append(stacked([_summary(part, world.proportion) for part in parts]))
    tested = segment_effects(
        *sides, kind="proportion" if world.proportion else "mean", nonnegative=True
    )
    now = UnitInformation(n=float(world.units), information=1.0)
    shares = np.full(VALUES[-1], 1.0 / VALUES[-1])
    _, _, p_values = judged(tested, horizon, now, shares, fixed=True)
    adjusted = adjusted_p_values(p_values, method="bh")
    return bool((np.nan_to_num(adjusted, nan=1.0) <= 0.05).any())


def _summary(values: np.ndarray, proportion: bool) -> MetricSummary:
    mean = float(values.mean())
    variance = mean * (1.0 - mean) if proportion else float(values.var(ddof=1))
    return MetricSummary(n=len(values), mean=mean, variance=variance)


def false_worlds(world: World, *, worlds: int, seed: int) -> tuple[int, int]:
    """In how many worlds the search and the breakdown confirm; of real segments, the right one."""
    rng = np.random.default_rng(seed)
    found = [0, 0]
    for index in range(worlds):
        drawn = sample(world, rng)
        names = searched(world, drawn, seed=index)
        found[0] += bool(names) if world.null else any("p0" in name for name in names)
        found[1] += broken_down(world, drawn)
    return found[0], found[1]


def table(worlds: int) -> str:
    """A row a world."""
    rows = []
    for index, world in enumerate(WORLDS):
        search, breakdown = false_worlds(world, worlds=worlds, seed=70 + index)
        rows.append([world.name, share_text(search, worlds), share_text(breakdown, worlds)])
        print(rows[-1], flush=True)
    return markdown(["world", "search confirms, %", "one breakdown of noise confirms, %"], rows)


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="few worlds, nothing written")
    parser.add_argument("--worlds", type=int, default=400, help="worlds a row")
    given = parser.parse_args()
    small, worlds = given.small, 60 if given.small else given.worlds
    began = time.perf_counter()
    text = table(worlds)
    print(text, f"\n{time.perf_counter() - began:.0f} s")
    if not small:
        write_section(
            "segments-of-noise", f"{worlds} worlds a row, 95 % intervals.\n\n{text}", DOCUMENT
        )


if __name__ == "__main__":
    main()
