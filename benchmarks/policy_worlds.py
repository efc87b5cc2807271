"""The loop's rules in every world of known truth, beside naive peeking and one planned look.

``python -m benchmarks.policy_worlds [--experiments N] [--seeds N] [--only WORLD]``: what
``simulate_policy`` runs, over several programmes a world.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from benchmarks.tables import markdown, write_section
from neonblue.optimization.simulation.policy_trial import Trial, try_policy
from neonblue.optimization.simulation.worlds import WorldKind

DOCUMENT = Path(__file__).parents[1] / "docs" / "programmes.md"
HEADER = [
    *("world", "rule", "ships", "wrong among them", "winners found", "regret, conversions"),
    *("harmed units", "days", "stopped as broken"),
]


def row(world: WorldKind, trials: Sequence[Trial]) -> list[str]:
    """One rule in one world over several programmes."""
    count = sum(one.experiments for one in trials)
    ships, false = sum(one.ships for one in trials), sum(one.false_ships for one in trials)
    winners, found = sum(one.winners for one in trials), sum(one.found for one in trials)
    return [
        world.replace("_", " "),
        trials[0].rule.replace("_", " "),
        f"{ships} of {count}",
        f"{false} ({false / ships:.2f})" if ships else "0",
        f"{found} of {winners}",
        f"{_mean([one.regret for one in trials]):.0f}",
        f"{_mean([one.harmed_units for one in trials]):,.0f}",
        f"{_mean([one.days for one in trials]):.1f}",
        str(sum(one.healed for one in trials)),
    ]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def main() -> None:
    """Run, and write when every world was run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", default="", help="one world; nothing is written")
    given = parser.parse_args()
    began, rows = time.perf_counter(), []
    for world in get_args(WorldKind):
        if given.only not in world:
            continue
        programmes = [
            try_policy(world, experiments=given.experiments, seed=seed)
            for seed in range(1, given.seeds + 1)
        ]
        rows += [row(world, trials) for trials in zip(*programmes, strict=True)]
        print(markdown(HEADER, rows[-3:]), flush=True)
    print(f"{time.perf_counter() - began:.0f} s")
    if not given.only:
        said = f"{given.seeds} programmes of {given.experiments} experiments a world."
        write_section("worlds", f"{said}\n\n{markdown(HEADER, rows)}", DOCUMENT)


if __name__ == "__main__":
    main()
