"""Ideas for goals, in a company whose past is known: do they fit, and does nonsense get none?

    python -m benchmarks.ideas [development|review]

Past experiments become uploaded aggregates, are analysed, remembered and pooled as any others; then
``recommend_experiments`` is asked for three ideas a goal. An idea is sensible when an experiment
that it is built on is among those that were said to serve the goal beforehand. ``review`` writes
its table, with every idea, into docs/ideas.md.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import numpy as np

from benchmarks.ideas_world import Goal, PastTest, World, goals, notes, past_tests
from benchmarks.tables import markdown, write_section
from neonblue.behavior.conversion_events import BY_WORDS
from neonblue.intelligence.recollection.learning import learn
from neonblue.intelligence.recommendation.constraints import Constraints
from neonblue.intelligence.recommendation.goal import chance_to_serve
from neonblue.intelligence.recommendation.next_tests import Recommendations, recommend_next
from neonblue.intelligence.recommendation.ranking import RankedIdea
from neonblue.memory.embedding import open_embedder
from neonblue.memory.library import Memory
from neonblue.models import Experiment, MetricDefinition, MetricSummary, Variant
from neonblue.stores import Store, open_store
from neonblue.stores.aggregates import Aggregate

IDEAS = 3
UNITS = 40_000
BASELINE = 0.10
LIFTS = {"win": 0.10, "loss": -0.09, "flat": 0.0}
START = datetime(2025, 1, 6, tzinfo=UTC)
DOCUMENT = Path(__file__).parents[1] / "docs" / "ideas.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A goal with what was recommended, and which of it is sensible."""

    goal: Goal
    found: Recommendations

    def sensible(self, one: RankedIdea) -> bool:
        """Whether the idea rests on something that serves the goal."""
        return bool({link.reference for link in one.idea.evidence} & self.goal.serves)

    @property
    def right(self) -> int:
        """How many of the ideas are sensible."""
        return sum(self.sensible(one) for one in self.found.ranked)


@contextmanager
def company(world: World) -> Iterator[tuple[Store, Memory]]:
    """A store and a memory in which the company's experiments have finished."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"chdb://{Path(folder) / 'clickhouse'}")
        memory = Memory(store.documents, open_embedder(), Path(folder) / "chroma")
        random = np.random.default_rng(5)
        for number, test in enumerate(past_tests(world)):
            _finish(store, test, START + timedelta(days=7 * number), random)
        learn(store, memory)
        try:
            yield store, memory
        finally:
            memory.close()
            store.close()


def _finish(store: Store, test: PastTest, start: datetime, random: np.random.Generator) -> None:
    end = start + timedelta(days=21)
    store.experiments.save(
        Experiment(
            experiment_id=test.name,
            name=test.name.replace("_", " "),
            variants=(
                Variant(variant_id="control", is_control=True, description=test.control),
                Variant(variant_id="treatment", description=test.change),
            ),
            metrics=(
                MetricDefinition(
                    name=test.metric, kind="proportion", event_type=test.metric, mde=0.05
                ),
            ),
            status="stopped",
            source="aggregated",
            industry=test.industry,
            started_at=start,
            ended_at=end,
            planned_sample_size=2 * UNITS,
        )
    )
    lift = LIFTS[test.ended] * random.uniform(0.8, 1.2)
    rates = {"control": BASELINE, "treatment": BASELINE * (1 + lift)}
    store.aggregates.insert(
        [
            Aggregate(
                experiment_id=test.name,
                metric=test.metric,
                variant_id=variant,
                observed_at=end,
                summary=MetricSummary(n=UNITS, mean=rate, variance=rate * (1 - rate)),
            )
            for variant, rate in rates.items()
        ]
    )


def ask(store: Store, memory: Memory, world: World) -> list[Answered]:
    """Three ideas for each goal."""
    return [
        Answered(
            goal=goal,
            found=recommend_next(store, memory, goal.text, Constraints(), BY_WORDS, limit=IDEAS),
        )
        for goal in goals(world)
    ]


def summary(answers: Sequence[Answered]) -> list[str]:
    """What the table comes to, in lines."""
    served = [one for one in answers if one.goal.serves]
    unserved = [one for one in answers if not one.goal.serves]
    shown = sum(len(one.found.ranked) for one in served)
    first = sum(bool(one.found.ranked) and one.sensible(one.found.ranked[0]) for one in served)
    answered = sum(bool(one.found.ranked) for one in served)
    lists = {tuple(i.idea.core for i in one.found.ranked) for one in served if one.found.ranked}
    return [
        f"{sum(one.right for one in served)} of {shown} ideas are sensible, the first one for "
        f"{first} of {answered} goals that got any; {len(served) - answered} of {len(served)} "
        f"goals got none; {len(lists)} different lists for {answered} goals.",
        f"{sum(one.found.status == 'nothing_fits' for one in unserved)} of {len(unserved)} goals "
        "that nothing serves got the answer that nothing fits.",
    ]


def table(answers: Sequence[Answered]) -> str:
    """One row an idea, with what was noted when it was first read."""
    rows, why = [], notes()
    for one in answers:
        if not one.found.ranked:
            rows.append([one.goal.text, "nothing fits", "", "", "", ""])
        for place, ranked in enumerate(one.found.ranked):
            rows.append(
                [
                    one.goal.text if place == 0 else "",
                    ranked.idea.changes[0],
                    ", ".join(link.reference for link in ranked.idea.evidence).replace("|", " "),
                    f"{chance_to_serve(ranked.likeness):.2f}",
                    "yes" if one.sensible(ranked) else "no",
                    why.get((one.goal.text, ranked.idea.changes[0]), ""),
                ]
            )
    return markdown(["goal", "idea", "built on", "fits", "sensible", "why"], rows)


def main() -> None:
    """Ask, and print or write the table."""
    world = cast("World", sys.argv[1] if len(sys.argv) > 1 else "review")
    with company(world) as (store, memory):
        answers = ask(store, memory, world)
    text = "\n\n".join([" ".join(summary(answers)), table(answers)])
    print(text)
    if world == "review":
        write_section("ideas", text, DOCUMENT)


if __name__ == "__main__":
    main()
