"""Verdicts while traffic is allocated, by the whole analysis: events, weights, looks, verdicts.

``python -m benchmarks.adaptive_whole [--small]`` writes the table to docs/allocation.md. Every
experiment is stored, its events are inserted batch by batch, ``analyze_experiment_performance``'s
analysis is asked after each, and the weights that ``allocate_traffic`` proposes are put in force.
Counted are verdicts at any look, so one false ship among six looks counts.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.tables import markdown, share_text, write_section
from neonblue.experiments.moves import MoveRequest, move
from neonblue.experiments.plans import Proposal, record_plan
from neonblue.intelligence.analysis import analyze
from neonblue.intelligence.evidence import Analysis
from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.optimization.traffic_proposal import propose_traffic
from neonblue.stores import Store, open_store
from neonblue.stores.events import event_schema

DOCUMENT = Path(__file__).parents[1] / "docs" / "allocation.md"
LOOKS, BATCH = 6, 1300
RATE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """``lifts`` of each treatment by batch, relative; ``trend`` of all rates from first to last."""

    name: str
    lifts: tuple[tuple[float, ...], ...]
    trend: tuple[float, float] = (1.0, 1.0)

    @property
    def constant(self) -> bool:
        """Whether no lift changes."""
        return all(len(set(lifts)) == 1 for lifts in self.lifts)


def flat(*lifts: float) -> tuple[tuple[float, ...], ...]:
    """The same lift in every batch, one a treatment."""
    return tuple((lift,) * LOOKS for lift in lifts)


WORLDS = (
    World(
        name="no effect, one treatment, rates from 0.6 to 1.4", lifts=flat(0.0), trend=(0.6, 1.4)
    ),
    World(
        name="no effect, three treatments, rates from 0.6 to 1.4",
        lifts=flat(0, 0, 0),
        trend=(0.6, 1.4),
    ),
    World(name="+40 %, rates from 0.6 to 1.4", lifts=flat(0.4), trend=(0.6, 1.4)),
    World(name="-40 %, rates from 0.6 to 1.4", lifts=flat(-0.4), trend=(0.6, 1.4)),
    World(name="+60 % that is gone after two batches", lifts=((0.6,) * 2 + (0.0,) * 4,)),
)


@dataclass(slots=True)
class Tally:
    """Experiments of a world, by what any of their looks said."""

    runs: int = 0
    shipped: int = 0
    rolled_back: int = 0
    covered: int = 0
    covered_naively: int = 0
    faded: int = 0


class Run:
    """One experiment from its start to its last look."""

    def __init__(self, store: Store, world: World, number: int) -> None:
        self._store, self._world = store, world
        self._rng = np.random.default_rng([number, len(world.name)])
        self.name = f"w{WORLDS.index(world)}_{number}"
        self.names = ("control", *(f"t{one}" for one in range(len(world.lifts))))
        self.hits, self.units = np.zeros((2, LOOKS, len(self.names)))
        self._start()

    def _start(self) -> None:
        plan = Experiment(
            experiment_id=self.name,
            status="draft",
            variants=tuple(Variant(variant_id=n, is_control=n == "control") for n in self.names),
            metrics=(
                MetricDefinition(name="bought", kind="proportion", event_type="buy", mde=0.03),
            ),
            planned_sample_size=LOOKS * BATCH,
            minimum_duration_days=0.0,
        )
        record_plan(self._store, Proposal(experiment=plan, origin="tool", actor="b"))
        move(self._store, self.name, MoveRequest(action="start"), actor="b", reason="b")

    def shares(self) -> np.ndarray[Any, Any]:
        """Those in force."""
        plan = self._store.experiments.get(self.name)
        found = np.array(plan.current_weights or [v.weight for v in plan.variants], dtype=float)
        return np.asarray(found / found.sum())

    def batch(self, number: int) -> None:
        """Insert a batch's exposures and conversions."""
        world, moment = self._world, datetime.now(UTC)
        trend = np.linspace(*world.trend, LOOKS)[number]
        rates = RATE * trend * np.array([1.0, *(1 + lifts[number] for lifts in world.lifts)])
        places = self._rng.choice(len(self.names), size=BATCH, p=self.shares())
        bought = self._rng.random(BATCH) < rates[places]
        self.units[number] = np.bincount(places, minlength=len(self.names))
        self.hits[number] = np.bincount(places[bought], minlength=len(self.names))
        rows = [
            row(self.name, f"{number}-{unit}", self.names[place], kind, moment)
            for unit, place in enumerate(places)
            for kind in (("exposure", "buy") if bought[unit] else ("exposure",))
        ]
        self._store.events.insert(pa.Table.from_pylist(rows, schema=event_schema()))

    def truth(self, upto: int) -> float:
        """The average effect of the last treatment over the units so far."""
        trend = np.linspace(*self._world.trend, LOOKS)[: upto + 1]
        return float(np.mean(RATE * trend * np.array(self._world.lifts[-1][: upto + 1])))

    def look(self, number: int, seen: dict[str, bool]) -> None:
        """Analyse, note what it says, and put the proposed weights in force."""
        now = datetime.now(UTC) + timedelta(seconds=1)
        found = analyze(self._store, self.name, now=now)
        seen["shipped"] |= found.decision.decision == "ship"
        seen["rollback"] |= found.decision.decision == "rollback"
        seen["faded"] |= any(reason.code == "effect_changed" for reason in found.decision.reasons)
        seen["covered"] &= self._covers(found, number)
        seen["naive"] &= self._covers_naively(number)
        proposal = propose_traffic(self._store, self.name, now=now, policy="top_two")
        if proposal.changes and number < LOOKS - 1:
            request = MoveRequest(action="set_weights", weights=proposal.shares)
            move(self._store, self.name, request, actor="b", reason="b")

    def _covers(self, found: Analysis, number: int) -> bool:
        comparisons = [c for c in found.metrics[0].comparisons if c.variant == self.names[-1]]
        truth = self.truth(number)
        return all(c.ci_lower <= truth <= c.ci_upper for c in comparisons)

    def _covers_naively(self, number: int) -> bool:
        n, hits = self.units[: number + 1].sum(axis=0), self.hits[: number + 1].sum(axis=0)
        mean = hits / np.maximum(n, 1.0)
        error = float(np.sqrt((mean * (1 - mean) / np.maximum(n, 1.0))[[0, -1]].sum()))
        return abs(float(mean[-1] - mean[0]) - self.truth(number)) <= 1.96 * error


def row(name: str, unit: str, variant: str, kind: str, moment: datetime) -> dict[str, Any]:
    """One event."""
    return {
        "event_id": f"{name}-{unit}-{kind}",
        "user_id": f"{name}-{unit}",
        "experiment_id": name,
        "variant_id": variant,
        "event_type": kind,
        "timestamp": moment + timedelta(milliseconds=1 if kind == "buy" else 0),
        "session_id": "",
        "properties": [],
        "source": "benchmark",
    }


def run(store: Store, world: World, runs: int) -> Tally:
    """Every experiment of a world."""
    tally = Tally()
    for number in range(runs):
        one = Run(store, world, number)
        seen = dict.fromkeys(("shipped", "rollback", "faded"), False)
        seen |= {"covered": True, "naive": True}
        for batch in range(LOOKS):
            one.batch(batch)
            one.look(batch, seen)
        tally.runs += 1
        tally.shipped += seen["shipped"]
        tally.rolled_back += seen["rollback"]
        tally.covered += seen["covered"]
        tally.covered_naively += seen["naive"]
        tally.faded += seen["faded"]
    return tally


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="few experiments, nothing written")
    parser.add_argument("--runs", type=int, default=200)
    given = parser.parse_args()
    runs, rows = 2 if given.small else given.runs, []
    for world in WORLDS:
        with tempfile.TemporaryDirectory() as folder:
            store = open_store(f"chdb://{folder}/clickhouse")
            tally = run(store, world, runs)
            store.close()
        said = (tally.shipped, tally.rolled_back, tally.faded, tally.covered, tally.covered_naively)
        shown = [share_text(count, tally.runs) for count in said]
        rows.append([world.name, *(shown if world.constant else [*shown[:3], "–", "–"])])
        print(*rows[-1], sep=" | ", flush=True)
    if not given.small:
        text = markdown(HEADER, rows)
        write_section("whole", f"{runs} experiments a row.\n\n{text}", DOCUMENT)


HEADER = [
    "world",
    "ship at any look, %",
    "rollback at any look, %",
    "called faded, %",
    "AIPW covers at all looks, %",
    "plain 95 % covers at all looks, %",
]


if __name__ == "__main__":
    main()
