"""An idea from the step of the way to a conversion before which most users are lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from neonblue.behavior.conversion_events import EventKinds
from neonblue.behavior.event_kinds import CONSIDER, CONVERT, ENGAGE, VIEW
from neonblue.behavior.funnel import Funnel, FunnelStep, analyze
from neonblue.intelligence.recollection.category import category_of_text
from neonblue.intelligence.recollection.patterns import general_idea
from neonblue.intelligence.recommendation.idea import Evidence, Idea

if TYPE_CHECKING:
    from neonblue.stores import Store

LEAST_USERS = 200
A_DAY_SECONDS = 86_400
ORDER = (VIEW, ENGAGE, CONSIDER, CONVERT)


def from_funnel(store: Store, kinds: EventKinds) -> Iterator[Idea]:
    """The weakest step in the usual order of event types, within a day; ``kinds`` orders them."""
    from neonblue.stores.funnels import FunnelScope

    steps = _steps(store, kinds)
    if len(steps) < 2:
        return
    for funnel in analyze(store.funnels, steps, FunnelScope(window_seconds=A_DAY_SECONDS))[:1]:
        lost = _weakest(funnel)
        if lost is not None and funnel.users >= LEAST_USERS:
            yield _idea(lost, steps, kinds)


def _steps(store: Store, kinds: EventKinds) -> list[str]:
    """One event type of each kind, from view to conversion: the one with the most users."""
    best: dict[int, tuple[int, str]] = {}
    for event_type, users in store.traffic.event_types():
        kind = kinds.of(event_type)
        if kind in ORDER:
            best[kind] = max(best.get(kind, (0, "")), (users, event_type))
    return [best[kind][1] for kind in ORDER if kind in best]


def _weakest(funnel: Funnel) -> FunnelStep | None:
    return next((s for s in funnel.steps if s.event_type == funnel.largest_drop_before), None)


def _idea(lost: FunnelStep, steps: list[str], kinds: EventKinds) -> Idea:
    words = lost.event_type.replace("_", " ")
    kind = category_of_text(words)
    before = steps[steps.index(lost.event_type) - 1]
    change = general_idea(kind) or f"take away what stands between {before} and {lost.event_type}"
    reached = lost.of_previous.value
    return Idea(
        source="funnel",
        kind=kind,
        industry="",
        hypothesis=f"If we {change}, more users reach {lost.event_type}: only {reached:.1%} of "
        f"those at {before} do.",
        changes=(change,),
        core=change,
        about=f"more users get from {before.replace('_', ' ')} to {words}",
        evidence=(
            Evidence(
                kind="data",
                reference="analyze_funnel",
                detail=f"steps {' > '.join(steps)}: {lost.users} reach {lost.event_type}, "
                f"{reached:.1%} of the step before; {_said(steps[-1], kinds)}",
            ),
        ),
        metric=lost.event_type,
    )


def _said(event_type: str, kinds: EventKinds) -> str:
    """Who says that the last step converts, and what to ask where that is a guess."""
    reading = kinds.reading(event_type)
    if not reading.converts:
        return f"nothing is known to convert, {event_type} is the last step known"
    asked = f" ({reading.ask})" if reading.ask else ""
    return f"{event_type} converts: {reading.reason}{asked}"
