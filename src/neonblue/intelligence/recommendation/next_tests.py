"""Recommended experiments for a goal: found, judged, ranked, none that was tried already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from neonblue.errors import InvalidInputError
from neonblue.intelligence.forecast.past import LEAST_PAST, read_record
from neonblue.intelligence.recollection.category import category_of
from neonblue.intelligence.recommendation.idea import Constraints
from neonblue.intelligence.recommendation.ranking import RankedIdea, rank
from neonblue.intelligence.recommendation.sources import ideas
from neonblue.memory.library import Memory

if TYPE_CHECKING:
    from neonblue.stores import Store

MOST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendations:
    """Ranked ideas; ``running`` names live experiments by category, which may collide."""

    status: Literal["available", "insufficient_data"]
    ranked: tuple[RankedIdea, ...]
    considered: int
    running: dict[str, tuple[str, ...]]
    detail: str


def recommend_next(
    store: Store, memory: Memory, goal: str, constraints: Constraints, *, limit: int = 5
) -> Recommendations:
    """The best ideas for a goal, at most one a kind of change and place."""
    if not 1 <= limit <= MOST:
        raise InvalidInputError(f"limit {limit!r} is out of range: ask for 1 to {MOST}")
    if read_record(memory) is None:
        return Recommendations(
            status="insufficient_data",
            ranked=(),
            considered=0,
            running={},
            detail=f"fewer than {LEAST_PAST} finished experiments with a valid result are "
            "remembered: load past ones with `neonblue load`, or let running ones finish",
        )
    traffic = store.traffic.observed()
    units = constraints.units_a_day or (traffic.units_a_day if traffic is not None else None)
    found = list(ideas(store, memory, goal, constraints.industry))
    judged = [rank(memory, idea, constraints, units) for idea in found]
    kept = sorted((one for one in judged if one is not None), key=lambda one: -one.worth)
    distinct = _distinct(kept)
    left_out = len(found) - len(distinct)
    return Recommendations(
        status="available",
        ranked=tuple(distinct[:limit]),
        considered=len(found),
        running=_running(store),
        detail=f"{len(found)} ideas considered; {left_out} left out as tried, repeated or beyond "
        "the constraints",
    )


def _distinct(ranked: Sequence[RankedIdea]) -> list[RankedIdea]:
    """The best of each kind of change and place, and of each change in words."""
    seen: set[tuple[object, ...]] = set()
    kept = []
    for one in ranked:
        idea = one.idea
        same = {(idea.category, idea.industry, idea.segment), (idea.changes, idea.segment)}
        if not same & seen:
            kept.append(one)
        seen |= same
    return kept


def _running(store: Store) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for plan in store.experiments.defined().values():
        if plan.status == "running":
            kind = category_of(plan)
            found[kind] = (*found.get(kind, ()), plan.experiment_id)
    return found
