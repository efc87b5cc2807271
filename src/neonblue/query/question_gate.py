"""What a question may not ask while experiments run: outcomes by what tells their variants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neonblue.query.plan import Plan

if TYPE_CHECKING:
    from neonblue.query.telling import Hidden
    from neonblue.stores import Store

INSTEAD = (
    "results by variant are shown by analyze_experiment_performance alone, which may be called "
    "at any time"
)
PLAIN = frozenset({"", "experiment", "event_type"})
PLACES_OF_VALUES = frozenset({"median", "largest", "smallest"})


def why_withheld(store: Store, plan: Plan, signs: Hidden) -> str:
    """Why a plan is not run; '' where it may be.

    A property tells the variants by itself or together with another one of the plan; an event type
    that one variant alone has tells them by having it. Both are looked at in a sample of units of
    every experiment that runs. Nor may events be chosen by a value that tells, as a tested price.
    """
    if not signs.watched:
        return ""
    used = {plan.breakdown, plan.then_by, *(one.name for one in plan.filters)}
    names = sorted(used - PLAIN)
    told = [name for name in names if name in signs.properties]
    if not told and len(names) > 1 and signs.together(store, tuple(names)):
        told = names
    if plan.values or plan.measure in PLACES_OF_VALUES:
        told += [f"value of {name}" for name in signs.silent if plan.event_type in ("", name)]
    events = {plan.event_type, plan.of_event, *plan.steps}
    told += sorted(events & set(signs.concealed))
    if not told:
        return ""
    running = ", ".join(repr(name) for name in signs.watched)
    named = " and ".join(repr(name) for name in told)
    return f"{named} may tell the variants of an experiment that still runs ({running}): {INSTEAD}"


def usable_properties(names: tuple[str, ...], signs: Hidden) -> tuple[str, ...]:
    """The properties that a comparison over many may use."""
    return tuple(name for name in names if name not in signs.properties)
