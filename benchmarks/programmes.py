"""Programmes of experiments: how much of what ships is wrong, and how many winners are found.

``python -m benchmarks.programmes [--small]`` writes the table to docs/programmes.md. Winners have
.5 to 1.5 times the planned effect; of the others one half has no effect and one half up to half
the planned one in the wrong direction ("all without effect" in the rows that say so). Scores are
Brownian motions in units, looked at 20 times a planned size. Every rule sees the same worlds:
z > 1.96 at any look until twice the plan, one look at the plan, the anytime-valid p at one-sided
.025 until twice the plan, the programme's own level until three times the plan with ideas given up
when their evidence is futile (``stats.programme``), and the bar of e-LOND in its place
(``stats.online_fdr``). What the programme's level shipped is certified afterwards, by e-LOND in the
order of the experiments and by e-BH over all of them.
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
from neonblue.stats import online_fdr, programme
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
FDR = 0.05


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
RULES = (
    "z > 1.96 at any look",
    "one look at the plan",
    "anytime .025",
    "the programme's level",
    "e-LOND's bar",
)
CERTIFIED = ("certified by e-LOND", "certified by e-BH")


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


@dataclass(slots=True)
class Memory:
    """What the rules of a programme know from its experiments so far; rows are programmes.

    ``log_weights`` is the posterior of the share of winners over the grid, ``log_evidence`` the log
    e-value with which each experiment ended under the programme's level, ``discoveries`` those of
    e-LOND's bar.
    """

    log_weights: Array
    discoveries: Array
    log_evidence: list[Array] = field(default_factory=list)
    shipped: list[Array] = field(default_factory=list)
    winners: list[Array] = field(default_factory=list)

    @property
    def levels(self) -> Array:
        """The programme's level, one a programme."""
        weights = np.exp(self.log_weights - self.log_weights.max(axis=1, keepdims=True))
        below = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1) < programme.CAUTION
        grid = programme.SHARES[np.minimum(below.sum(axis=1), len(programme.SHARES) - 1)]
        return np.array([programme.level_for(float(share)) for share in grid])

    @property
    def bar(self) -> Array:
        """e-LOND's, as a log e-value."""
        number = len(self.log_evidence) + 1
        return online_fdr.e_lond_bar(number, 0, fdr=FDR) - np.log1p(self.discoveries)

    def learn(self, factors: Array, shipped: Array, winner: Array) -> None:
        """How an experiment ended under the programme's level."""
        likelihood = programme.log_share_likelihood(factors[:, None])
        self.log_weights = self.log_weights + likelihood
        self.log_evidence.append(factors)
        self.shipped.append(shipped)
        self.winners.append(winner)


def nothing_known(runs: int) -> Memory:
    """Before the first experiment."""
    prior = np.broadcast_to(programme.log_share_prior(), (runs, len(programme.SHARES)))
    return Memory(log_weights=prior, discoveries=np.zeros(runs))


def run(world: World, programmes: int, seed: int) -> dict[str, Tally]:
    """Every rule in the same programmes."""
    tallies = {rule: Tally() for rule in (*RULES, *CERTIFIED)}
    tables_twice, tables = log_p_tables(2.0, AT_TWICE + 1), log_p_tables(RATIO, len(TIME))
    for part in range(0, programmes, CHUNK):
        rng = np.random.default_rng([seed, part])
        runs = min(CHUNK, programmes - part)
        memory = nothing_known(runs)
        ever = {rule: np.zeros(runs, dtype=bool) for rule in RULES}
        for number in range(world.experiments):
            winner = rng.random(runs) < world.share(number)
            z = scores(rng, winner, world.null_only)
            found = decisions(z, memory, winner, tables, tables_twice)
            for rule, (shipped, looks) in found.items():
                ever[rule] |= count(tallies[rule], shipped, winner, TIME[looks])
        for rule in RULES:
            tallies[rule].with_wrong += int(ever[rule].sum())
        certify(memory, tallies)
    return tallies


def certify(memory: Memory, tallies: dict[str, Tally]) -> None:
    """Count what each certificate holds of what the programme's level shipped."""
    evidence, winners = np.stack(memory.log_evidence, axis=1), np.stack(memory.winners, axis=1)
    shipped = np.stack(memory.shipped, axis=1)
    for rule, procedure in zip(CERTIFIED, (online_fdr.e_lond, online_fdr.e_bh), strict=True):
        tally = tallies[rule]
        for row in range(len(evidence)):
            certified = np.array(procedure(evidence[row], fdr=FDR)) & shipped[row]
            wrong = count(tally, certified, winners[row], np.zeros(1))
            tally.with_wrong += bool(wrong.any())
        tally.sizes[:] = tallies[RULES[3]].sizes


def scores(rng: np.random.Generator, winner: Array, null_only: bool) -> Array:
    """z at each look of one experiment in every programme."""
    runs = len(winner)
    harmful = np.where(rng.random(runs) < 0.5, 0.0, -rng.uniform(0.0, 0.5, runs))
    sizes = np.where(winner, rng.uniform(0.5, 1.5, runs), 0.0 if null_only else harmful)
    steps = rng.standard_normal((runs, len(TIME))) / math.sqrt(LOOKS_A_PLAN)
    motion = np.cumsum(steps, axis=1) + programme.PLANNED_Z * sizes[:, None] * TIME
    return np.asarray(motion / ROOT)


def decisions(
    z: Array, memory: Memory, winner: Array, tables: list[Array], tables_twice: list[Array]
) -> dict[str, tuple[Array, Array]]:
    """What each rule ships and the look at which it ends; the programmes learn from it."""
    naive = first(z[:, : AT_TWICE + 1] > 1.96)
    plain = first(log_p(z, tables_twice) <= math.log(0.025))
    one = np.full(len(z), AT_PLAN)
    factors = log_factors(z)
    futile = first(factors < math.log(programme.FUTILE_EVIDENCE))
    ship = first(log_p(z, tables) <= np.log(memory.levels)[:, None])
    certain = first(factors >= memory.bar[:, None])
    memory.discoveries = memory.discoveries + is_shipped(certain, futile)
    end = ended(ship, futile)
    memory.learn(factors[np.arange(len(z)), end], is_shipped(ship, futile), winner)
    return {
        RULES[0]: (naive <= AT_TWICE, np.minimum(naive, AT_TWICE)),
        RULES[1]: (z[:, AT_PLAN] > 1.96, one),
        RULES[2]: (plain <= AT_TWICE, np.minimum(plain, AT_TWICE)),
        RULES[3]: (is_shipped(ship, futile), end),
        RULES[4]: (is_shipped(certain, futile), ended(certain, futile)),
    }


def is_shipped(ship: Array, futile: Array) -> Array:
    """Whether the bar was reached, and before the idea was given up."""
    return np.asarray((ship < len(TIME)) & (ship <= futile))


def ended(ship: Array, futile: Array) -> Array:
    """The look at which an experiment ended, at the latest the last one."""
    return np.minimum(np.minimum(ship, futile), len(TIME) - 1)


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
