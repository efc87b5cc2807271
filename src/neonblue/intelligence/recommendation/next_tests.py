"""Recommended experiments for a goal: found, fitted, judged, ranked, none that is spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from neonblue.behavior.conversion_events import EventKinds
from neonblue.errors import InvalidInputError
from neonblue.intelligence.forecast.past import LEAST_PAST, Record, read_record
from neonblue.intelligence.recollection.category import category_of
from neonblue.intelligence.recollection.description import change_in_words
from neonblue.intelligence.recollection.patterns import kind_of
from neonblue.intelligence.recollection.removal import kind_of_change
from neonblue.intelligence.recommendation.constraints import Constraints, unchecked
from neonblue.intelligence.recommendation.goal import (
    LEAST_LIKENESS,
    least_likeness,
    likeness_to,
)
from neonblue.intelligence.recommendation.idea import Idea
from neonblue.intelligence.recommendation.ranking import RankedIdea, judge
from neonblue.intelligence.recommendation.sources import ideas
from neonblue.intelligence.recommendation.tried import distinct, is_spent, tried
from neonblue.memory.library import Memory
from neonblue.models.written_text import shown_name

if TYPE_CHECKING:
    from neonblue.stores import Store

MAX_LIMIT = 10
MOST_A_KIND = 2

Status = Literal["available", "nothing_fits", "insufficient_data"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendations:
    """Ranked ideas; ``running`` names live experiments by kind of change, which may collide.

    ``unchecked`` are constraints that could not be checked, each with what is missing.
    """

    status: Status
    ranked: tuple[RankedIdea, ...]
    considered: int
    running: dict[str, tuple[str, ...]]
    detail: str
    unchecked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    """An idea and how like the goal it is."""

    idea: Idea
    likeness: float


def recommend_next(
    store: Store,
    memory: Memory,
    goal: str,
    constraints: Constraints,
    kinds: EventKinds,
    *,
    limit: int = 5,
) -> Recommendations:
    """The best ideas for a goal, at most two a kind of change; ``kinds`` says what converts.

    Raises:
        InvalidInputError: the limit is out of range, or the goal is blank.
    """
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInputError(f"limit {limit!r} is out of range: ask for 1 to {MAX_LIMIT}")
    record = read_record(memory)
    if record is None:
        return _no_past()
    traffic = store.traffic.observed()
    units = constraints.units_per_day or (traffic.units_per_day if traffic is not None else None)
    found = list(ideas(store, memory, goal, constraints.industry, kinds))
    allowed = [idea for idea in found if constraints.allows(idea)]
    fits = _fits(memory, goal, allowed)
    fitting = [one for one in fits if one.likeness >= least_likeness([f.likeness for f in fits])]
    fresh = [
        one
        for one in fitting
        if not is_spent(one.idea, tried(memory, record, one.idea), constraints.industry)
    ]
    judged = [judge(memory, one.idea, one.likeness, constraints, units) for one in fresh]
    ranked = sorted((one for one in judged if one is not None), key=lambda one: -one.rank)
    kept = [ranked[row] for row in distinct(memory, [one.idea for one in ranked], MOST_A_KIND)]
    counts = {
        "excluded by the constraints": len(found) - len(allowed),
        "too far from the goal": len(allowed) - len(fitting),
        "tried already": len(fitting) - len(fresh),
        "too large": len(fresh) - len(ranked),
        "repeats of one idea": len(ranked) - len(kept),
    }
    return Recommendations(
        status="available" if kept else "nothing_fits",
        ranked=tuple(kept[:limit]),
        considered=len(found),
        running=_running(store),
        detail=_detail(counts, fits, found, bool(kept)),
        unchecked=unchecked(constraints, units, _kinds(record)),
    )


def _no_past() -> Recommendations:
    return Recommendations(
        status="insufficient_data",
        ranked=(),
        considered=0,
        running={},
        detail=f"fewer than {LEAST_PAST} finished experiments with a valid result are "
        "remembered: load past ones with `neonblue load`, or let running ones finish",
    )


def _fits(memory: Memory, goal: str, found: Sequence[Idea]) -> list[_Fit]:
    likenesses = likeness_to(memory, goal, found)
    return [
        _Fit(idea=idea, likeness=likeness) for idea, likeness in zip(found, likenesses, strict=True)
    ]


def _detail(counts: dict[str, int], fits: Sequence[_Fit], found: Sequence[Idea], kept: bool) -> str:
    left_out = ", ".join(f"{count} {why}" for why, count in counts.items() if count)
    told = f"{len(found)} ideas considered" + (f"; left out: {left_out}" if left_out else "")
    if kept:
        return told
    nearest = max((one.likeness for one in fits), default=None)
    if nearest is not None and nearest >= LEAST_LIKENESS:
        return (
            f"{told}. Nothing that fits the goal is left: loosen the constraints, or plan an idea "
            "of your own with design_experiment"
        )
    return f"{told}. {_nothing_fits(nearest, found)}"


def _nothing_fits(nearest: float | None, found: Sequence[Idea]) -> str:
    """A whole answer: that there is nothing, how near the nearest was, and what can be done."""
    kinds = sorted({shown_name(idea.category).replace("_", " ") for idea in found})
    near = "" if nearest is None else f" (the nearest reaches {nearest:.2f}, {LEAST_LIKENESS} fits)"
    about = f" The past has ideas about {', '.join(kinds)}." if kinds else ""
    return (
        f"Nothing that was learnt here fits this goal{near}, so no idea is made up.{about} Say in "
        "a sentence what should improve, for whom and where; or load past experiments about it "
        "with `neonblue load`; or plan an idea of your own with design_experiment, and ask "
        "predict_experiment_outcome about it"
    )


def _kinds(record: Record) -> frozenset[str]:
    return frozenset(kind_of(document) for document in record.references)


def _running(store: Store) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for plan in store.experiments.defined().values():
        if plan.status == "running":
            kind = kind_of_change(category_of(plan), change_in_words(plan), plan.name)
            found[kind] = (*found.get(kind, ()), plan.experiment_id)
    return found
