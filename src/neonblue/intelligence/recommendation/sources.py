"""Where ideas come from: patterns, winners, the funnel, and confirmed segments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from neonblue.behavior.event_kinds import CONSIDER, CONVERT, ENGAGE, VIEW, kind_of
from neonblue.behavior.funnel import analyze
from neonblue.intelligence.recollection.category import BY_NAME, category_of_text
from neonblue.intelligence.recollection.description import percent
from neonblue.intelligence.recollection.patterns import EVERY_INDUSTRY
from neonblue.intelligence.recommendation.idea import Evidence, Idea
from neonblue.intelligence.segment_memory import SEGMENT, is_current
from neonblue.memory.collections import EXPERIMENTS, OPTIMIZATION_PATTERNS
from neonblue.memory.library import Memory
from neonblue.memory.search import Hit, search
from neonblue.models.written_text import fenced
from neonblue.stores.documents import Document, MetadataValue

if TYPE_CHECKING:
    from neonblue.stores import Store

MOST_PATTERNS = 20
MOST_WINNERS = 10
LEAST_FUNNEL_USERS = 200
A_DAY_SECONDS = 86_400


def ideas(store: Store, memory: Memory, goal: str, industry: str) -> Iterator[Idea]:
    """Every idea that there is evidence for, in no order."""
    patterns = search(memory, OPTIMIZATION_PATTERNS, goal, limit=MOST_PATTERNS).hits
    yield from _from_patterns(memory, patterns, industry)
    yield from _from_segments(patterns)
    yield from _from_winners(memory, goal)
    yield from _from_funnel(store)


def _from_patterns(memory: Memory, hits: Sequence[Hit], industry: str) -> Iterator[Idea]:
    for hit in hits:
        known = hit.document.metadata
        category = str(known.get("optimization_type", ""))
        place = _place(known)
        if category in ("", SEGMENT) or not _has_worked(known):
            continue
        if industry and place and place != industry:
            continue
        winners = _winners_of(memory, cast("tuple[str, ...]", known.get("experiments", ())))
        generic = BY_NAME[category].pattern if category in BY_NAME else ""
        changes = _untried_changes(winners, industry) or ((generic,) if generic else ())
        if not changes:  # a kind of change of the organisation's own, that says nothing to do
            continue
        yield Idea(
            source="pattern",
            category=category,
            industry=place or industry,
            hypothesis=f"If we {generic or changes[0]}, the primary metric improves, "
            f"{_as_shown(known)}.",
            changes=changes,
            evidence=(
                Evidence(
                    kind="pattern",
                    reference=hit.document.document_id,
                    detail=fenced(hit.document.text.splitlines()[0]),
                ),
                *(_experiment(item) for item in winners),
            ),
        )


def _untried_changes(winners: Sequence[Document], industry: str) -> tuple[str, ...]:
    """What won elsewhere and was not tried in the industry that is asked about."""
    if not industry:
        return ()
    return tuple(_change(item) for item in winners if item.metadata.get("industry") != industry)


def _from_winners(memory: Memory, goal: str) -> Iterator[Idea]:
    """A winner is worth a second, bolder step."""
    found = search(
        memory, EXPERIMENTS, goal, filters={"outcome": "success"}, limit=MOST_WINNERS
    ).hits
    for hit in found:
        known = hit.document.metadata
        yield Idea(
            source="winner",
            category=str(known.get("type", "")),
            industry=str(known.get("industry", "")),
            hypothesis=f"If we go one step further than {hit.document.document_id} did, "
            f"{known.get('metric', 'the primary metric')} improves again.",
            changes=(f"a bolder version of: {_change(hit.document)}",),
            evidence=(_experiment(hit.document),),
        )


def _from_segments(hits: Sequence[Hit]) -> Iterator[Idea]:
    for hit in hits:
        known = hit.document.metadata
        if not is_current(hit.document):
            continue
        text = hit.document.text.splitlines()[0]
        yield Idea(
            source="segment",
            category="recommendation",
            industry=_place(known),
            hypothesis=f"If only the segment that gains sees the change, everybody gains: {text}",
            changes=("the change for the segment that gains, the old version for the others",),
            evidence=(
                Evidence(kind="segment", reference=hit.document.document_id, detail=fenced(text)),
            ),
            segment=hit.document.document_id,
        )


def _from_funnel(store: Store) -> Iterator[Idea]:
    """The step before which most users are lost, in the usual order of event types."""
    from neonblue.stores.funnels import FunnelScope

    steps = _steps(store)
    if len(steps) < 2:
        return
    scope = FunnelScope(window_seconds=A_DAY_SECONDS)
    for funnel in analyze(store.funnels, steps, scope)[:1]:
        lost = next(
            (step for step in funnel.steps if step.event_type == funnel.largest_drop_before), None
        )
        if lost is None or funnel.users < LEAST_FUNNEL_USERS:
            return
        reached = lost.of_previous.value
        category = category_of_text(lost.event_type.replace("_", " "))
        generic = BY_NAME[category].pattern if category in BY_NAME else "remove what stands between"
        yield Idea(
            source="funnel",
            category=category,
            industry="",
            hypothesis=f"If we {generic}, more users reach {lost.event_type}: only "
            f"{reached:.1%} of those at the step before do.",
            changes=(generic,),
            evidence=(
                Evidence(
                    kind="data",
                    reference="analyze_funnel",
                    detail=f"steps {' > '.join(steps)}: {lost.users} reach {lost.event_type}, "
                    f"{reached:.1%} of the step before",
                ),
            ),
        )


def _steps(store: Store) -> list[str]:
    """One event type of each kind, from view to conversion: the one with the most users."""
    best: dict[int, tuple[int, str]] = {}
    for event_type, users in store.traffic.event_types():
        kind = kind_of(event_type)
        if kind in (VIEW, ENGAGE, CONSIDER, CONVERT):
            best[kind] = max(best.get(kind, (0, "")), (users, event_type))
    return [best[kind][1] for kind in (VIEW, ENGAGE, CONSIDER, CONVERT) if kind in best]


def _winners_of(memory: Memory, names: Sequence[str]) -> list[Document]:
    found = memory.get(EXPERIMENTS, list(names)[-20:]).values()
    winners = [item for item in found if item.metadata.get("outcome") == "success"]
    return sorted(winners, key=_improvement, reverse=True)[:2]


def _improvement(document: Document) -> float:
    return _number(document.metadata.get("improvement"))


def _change(document: Document) -> str:
    return str(document.metadata.get("optimization_applied", document.document_id))[:300]


def _experiment(document: Document) -> Evidence:
    return Evidence(
        kind="experiment",
        reference=document.document_id,
        detail=f"{document.metadata.get('outcome', 'no outcome')}, "
        f"{percent(_improvement(document))}",
    )


def _has_worked(known: Mapping[str, MetadataValue]) -> bool:
    """Whether a kind of change ever succeeded, or is better than nothing over all its tests."""
    if known.get("outcome") == "failure":
        return False
    return _count(known.get("successes")) > 0 or _number(known.get("improvement_lower")) > 0


def _as_shown(known: Mapping[str, MetadataValue]) -> str:
    successes, tests = _count(known.get("successes")), _count(known.get("tests"))
    if successes:
        return f"as {successes} of {tests} such tests showed"
    return f"as {tests} such tests together showed ({percent(_number(known.get('improvement')))})"


def _place(known: Mapping[str, MetadataValue]) -> str:
    """The industry that a pattern is about; '' for all of them together."""
    industry = str(known.get("industry", ""))
    return "" if industry == EVERY_INDUSTRY else industry


def _count(value: object) -> int:
    return int(_number(value))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
