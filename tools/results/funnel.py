"""The answer of analyze_funnel."""

from __future__ import annotations

from neonblue.behavior.funnel import Funnel
from neonblue.models.written_text import fenced
from neonblue.stores.funnels import FunnelScope
from neonblue.tools.results.behavior import ShareRow, share_row
from neonblue.tools.results.figure import Answer


class FunnelStepRow(Answer):
    """Users who reached a step; shares of the step before and of the first, with intervals."""

    event_type: str
    users: int
    of_previous: ShareRow
    of_first: ShareRow


class FunnelRow(Answer):
    """The funnel of one slice ('' is everybody, or those without the property)."""

    slice: str
    users: int
    largest_drop_before: str
    steps: list[FunnelStepRow]


class FunnelAnswer(Answer):
    """Funnels, the largest slice first."""

    status: str
    detail: str
    window_seconds: int
    funnels: list[FunnelRow]


def _funnel_note(funnels: tuple[Funnel, ...], scope: FunnelScope) -> str:
    if not funnels:
        return "nobody took the first step: check the event types with get_user_journey"
    if scope.by and all(not funnel.slice for funnel in funnels):
        return f"no event of these steps has the property {scope.by!r}: this is everybody"
    return ""


def funnel_answer(
    funnels: tuple[Funnel, ...], scope: FunnelScope, *, withheld: str = ""
) -> FunnelAnswer:
    """Funnels as an answer; ``withheld`` says why they are not by variant."""
    return FunnelAnswer(
        status="ok" if funnels else "insufficient_data",
        detail=f"everybody is shown, not the variants: {withheld}"
        if withheld
        else _funnel_note(funnels, scope),
        window_seconds=scope.window_seconds,
        funnels=[
            FunnelRow(
                slice=funnel.slice if scope.by == "variant" else fenced(funnel.slice),
                users=funnel.users,
                largest_drop_before=funnel.largest_drop_before,
                steps=[
                    FunnelStepRow(
                        event_type=step.event_type,
                        users=step.users,
                        of_previous=share_row(step.of_previous),
                        of_first=share_row(step.of_first),
                    )
                    for step in funnel.steps
                ],
            )
            for funnel in funnels
        ],
    )
