"""Programmes of experiments: how much of what ships is wrong, and how many winners are found.

``python -m benchmarks.programmes [--small]`` writes the table to docs/programmes.md. Winners have
.5 to 1.5 times the planned effect; of the others one half has no effect and one half up to half
the planned one in the wrong direction ("all without effect" in the rows that say so). Scores are
Brownian motions in units, looked at 20 times a planned size. Every rule sees the same worlds:
z > 1.96 at any look until twice the plan, one look at the plan, the anytime-valid p at one-sided
.025 until twice the plan, and the programme's own level until three times the plan with ideas
given up when their evidence is futile (``stats.programme``).
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.tables import markdown, share_text, write_section
from neonblue.stats import programme
from neonblue.stats.sequential_boundary import plan_p_value

Array = NDArray[np.float64]

DOCUMENT = Path(__file__).parents[1] / "docs" / "programmes.md"
PLANNED, LOOKS_A_PLAN, CHUNK = 100_000.0, 20, 250
RATIO = programme.MAXIMUM_RATIO
TIME = np.arange(1, int(LOOKS_A_PLAN * RATIO) + 1) / LOOKS_A_PLAN
ROOT = np.sqrt(TIME)
AT_PLAN, AT_TWICE = LOOKS_A_PLAN - 1, 2 * LOOKS_A_PLAN - 1
Z_GRID = np.linspace(0.0, 12.0, 2401)
DRIFTS = programme.PLANNED_Z * programme.WINNER_SIZES


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """``share`` of winners by the experiment's number; ``null_only``: others without effect."""

    name: str
    share: Callable[[int], float]
    experiments: int
    null_only: bool = False


WORLDS = (
    World(name="8 %", share=lambda _: 0.08, experiments=100),
    World(name="8 %, no harm", share=lambda _: 0.08, experiments=100, null_only=True),
    World(name="8 %, the first year", share=lambda _: 0.08, experiments=50),
    World(name="25 %", share=lambda _: 0.25, experiments=100),
    World(name="8 %, then 25 %", share=lambda k: 0.08 if k < 50 else 0.25, experiments=100),
    World(name="25 %, then 8 %", share=lambda k: 0.25 if k < 50 else 0.08, experiments=100),
    World(name="0 %, a year", share=lambda _: 0.0, experiments=50),
    World(name="0 %, a year, no harm", share=lambda _: 0.0, experiments=50, null_only=True),
)
RULES = ("z > 1.96 at any look", "one look at the plan", "anytime .025", "the programme's level")


@dataclass(slots=True)
class Tally:
    """What one rule shipped, over programmes."""

    ships: int = 0
    wrong: int = 0
    winners: int = 0
    found: int = 0
    with_wrong: int = 0
    sizes: list[float] = field(default_factory=list)


def log_p_tables(maximum: float, looks: int) -> list[Array]:
    """log p (one-sided, anytime-valid) over ``Z_GRID`` at each look."""
    return [
        np.log(
            np.asarray(
                plan_p_value(
                    Z_GRID,
                    float(TIME[i] * PLANNED),
                    planned_n=PLANNED,
                    maximum_n=maximum * PLANNED,
                    one_sided=True,
                )
            )
        )
        for i in range(looks)
    ]


def log_p(z: Array, tables: list[Array]) -> Array:
    """log p at each look, 0 where the estimate is on the wrong side."""
    found = [np.interp(z[:, i], Z_GRID, table) for i, table in enumerate(tables)]
    return np.where(z[:, : len(tables)] > 0.0, np.stack(found, axis=1), 0.0)


def log_factors(z: Array) -> Array:
    """``programme.log_bayes_factor`` at each look."""
    drift = DRIFTS[:, None, None] * ROOT
    total = np.logaddexp.reduce(drift * z[None] - 0.5 * drift * drift, axis=0)
    return np.asarray(total - math.log(len(DRIFTS)))


def first(hits: Array) -> Array:
    """The number of the first look that hits; that of all looks where none does."""
    return np.where(hits.any(axis=1), hits.argmax(axis=1), hits.shape[1])


def count(tally: Tally, shipped: Array, winner: Array, size: Array) -> Array:
    """Add one experiment of every programme; which of them shipped something wrong."""
    wrong = shipped & ~winner
    tally.ships += int(shipped.sum())
    tally.wrong += int(wrong.sum())
    tally.winners += int(winner.sum())
    tally.found += int((shipped & winner).sum())
    tally.sizes.append(float(size.mean()))
    return wrong


def run(world: World, programmes: int, seed: int) -> dict[str, Tally]:
    """Every rule in the same programmes."""
    tallies = {rule: Tally() for rule in RULES}
    tables_twice, tables = log_p_tables(2.0, AT_TWICE + 1), log_p_tables(RATIO, len(TIME))
    for part in range(0, programmes, CHUNK):
        rng = np.random.default_rng([seed, part])
        runs = min(CHUNK, programmes - part)
        learnt: list[Array] = []
        ever = {rule: np.zeros(runs, dtype=bool) for rule in RULES}
        for number in range(world.experiments):
            winner = rng.random(runs) < world.share(number)
            z = scores(rng, winner, world.null_only)
            for rule, (shipped, looks) in decisions(z, learnt, tables, tables_twice).items():
                ever[rule] |= count(tallies[rule], shipped, winner, TIME[looks])
        for rule in RULES:
            tallies[rule].with_wrong += int(ever[rule].sum())
    return tallies


def scores(rng: np.random.Generator, winner: Array, null_only: bool) -> Array:
    """z at each look of one experiment in every programme."""
    runs = len(winner)
    harmful = np.where(rng.random(runs) < 0.5, 0.0, -rng.uniform(0.0, 0.5, runs))
    sizes = np.where(winner, rng.uniform(0.5, 1.5, runs), 0.0 if null_only else harmful)
    steps = rng.standard_normal((runs, len(TIME))) / math.sqrt(LOOKS_A_PLAN)
    motion = np.cumsum(steps, axis=1) + programme.PLANNED_Z * sizes[:, None] * TIME
    return np.asarray(motion / ROOT)


def decisions(
    z: Array, learnt: list[Array], tables: list[Array], tables_twice: list[Array]
) -> dict[str, tuple[Array, Array]]:
    """What each rule ships and the look at which it ends; the programme's evidence is kept."""
    naive = first(z[:, : AT_TWICE + 1] > 1.96)
    plain = first(log_p(z, tables_twice) <= math.log(0.025))
    one = np.full(len(z), AT_PLAN)
    levels = levels_of(learnt, len(z))
    factors = log_factors(z)
    ship = first(log_p(z, tables) <= np.log(levels)[:, None])
    futile = first(factors < math.log(programme.FUTILE_EVIDENCE))
    end = np.minimum(np.minimum(ship, futile), len(TIME) - 1)
    learnt.append(factors[np.arange(len(z)), end])
    return {
        RULES[0]: (naive <= AT_TWICE, np.minimum(naive, AT_TWICE)),
        RULES[1]: (z[:, AT_PLAN] > 1.96, one),
        RULES[2]: (plain <= AT_TWICE, np.minimum(plain, AT_TWICE)),
        RULES[3]: ((ship < len(TIME)) & (ship <= futile), end),
    }


def levels_of(learnt: list[Array], runs: int) -> Array:
    """The level of every programme after what it has seen."""
    factors = np.stack(learnt, axis=1) if learnt else np.zeros((runs, 0))
    return np.array(
        [programme.level_from_posterior(programme.share_posterior(row)) for row in factors]
    )


def rows(programmes: int) -> list[list[str]]:
    """One a world and rule."""
    found = []
    for seed, world in enumerate(WORLDS):
        for rule, tally in run(world, programmes, seed).items():
            found.append(
                [
                    world.name,
                    rule,
                    share_text(tally.wrong, tally.ships) if tally.ships else "none",
                    share_text(tally.found, tally.winners) if tally.winners else "–",
                    share_text(tally.with_wrong, programmes),
                    f"{np.mean(tally.sizes):.2f}",
                ]
            )
    return found


HEADER = [
    "winners",
    "rule",
    "wrong among ships, %",
    "winners found, %",
    "programmes with a wrong ship, %",
    "planned sizes an experiment",
]


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="few programmes, nothing written")
    parser.add_argument("--programmes", type=int, default=1000)
    given = parser.parse_args()
    programmes = 40 if given.small else given.programmes
    text = markdown(HEADER, rows(programmes))
    print(text)
    if not given.small:
        write_section("programmes", f"{programmes:,} programmes a row.\n\n{text}", DOCUMENT)


if __name__ == "__main__":
    main()
